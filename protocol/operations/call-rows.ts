/**
 * Call rows: the calls as a build of the worker writes them down, without what many have in common. Each isolate reads them when it
 * starts.
 */

import { textOfRule, type AccessRule } from './access-rule.ts';
import type { Call, CallId } from './calls.ts';

/** What most paths begin with. Not from where the operations have it, which this does without. */
const PREFIX = '/v1/{namespace}';

type Calls = Readonly<Record<CallId, Call>>;

/** `rule` as documents write it; `path` with `~` for the prefix. */
type CallRow = readonly [
  id: string,
  method: string,
  path: string,
  rule: string,
  more?: Omit<Call, 'id' | 'method' | 'path' | 'access'>,
];

export function rowsOf(calls: Calls): CallRow[] {
  return Object.values(calls).map(({ id, method, path, access, ...more }) => {
    const inNamespace = path.startsWith(`${PREFIX}/`);
    const short = inNamespace ? `~${path.slice(PREFIX.length)}` : path;
    const row = [id, method, short, textOfRule(access)] as const;
    return more.isSocket || Object.keys(more).length > 1 ? [...row, more] : row;
  });
}

export function callsOf(rows: readonly CallRow[]): Calls {
  const calls = rows.map(([id, method, path, rule, more = { isSocket: false }]) => [
    id,
    { id, method, path: path.replace(/^~/, PREFIX), access: ruleOf(rule), ...more },
  ]);
  return Object.fromEntries(calls) as Calls;
}

/** The opposite of `textOfRule`. */
function ruleOf(text: string): AccessRule {
  const [kind, name, action] = text.split(':');
  if (action === undefined) return text as AccessRule;
  return (kind === '*' ? { some: action } : { kind, name, action }) as AccessRule;
}
