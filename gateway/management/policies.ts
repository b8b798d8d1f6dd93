/** Policies as the management API shows and takes them: their patterns are regular expressions there, and globs of the broker here. */

import { readPolicy } from '../amqp/definitions/policies.ts';
import type { PolicyDeclaration } from '../../sdk/admin/exchange-types.ts';
import { DONE, ok, type Answer } from './answer.ts';
import { settingsOf } from './shown.ts';
import { Refused, type Fields, type VhostCalls } from './vhost-calls.ts';

/** Settings that only say on which nodes or in which form a cluster keeps a queue. */
const OF_CLUSTERS = /^(?:ha-|queue-|max-in-memory-)/;

export type ShownPolicy = {
  vhost: string;
  name: string;
  pattern: string;
  'apply-to': 'queues';
  definition: Fields;
  priority: number;
};

export async function policiesOf({ vhost, policies }: VhostCalls): Promise<ShownPolicy[]> {
  return (await policies.list()).map((policy) => shownPolicy(policy.policy, policy, vhost));
}

/** `/policies/<vhost>/<name>` */
export async function answerOfPolicy(
  { vhost, policies }: VhostCalls,
  method: string,
  name: string,
  body: Fields,
): Promise<Answer | null> {
  if (method === 'GET') return ok(shownPolicy(name, await policies.get(name), vhost));
  if (method === 'DELETE') {
    await policies.get(name);
    return await policies.delete(name).then(() => DONE);
  }
  if (method !== 'PUT') return null;
  const { policy, unknown } = policyOf({ ...body, name });
  const refused = unknown.filter((setting) => !OF_CLUSTERS.test(setting));
  if (refused.length > 0) {
    const reason = `settings that no queue has here: ${refused.join(', ')}`;
    throw new Refused({ reply: 'not-implemented', reason });
  }
  return await policies.put(name, policy).then(() => ({ status: 201, body: null }));
}

/** @returns names of settings that mean nothing here */
export async function importPolicy({ policies }: VhostCalls, entry: Fields): Promise<string[]> {
  const { policy, unknown } = policyOf(entry);
  await policies.put(String(entry['name']), policy);
  return unknown;
}

function policyOf(entry: Fields): ReturnType<typeof readPolicy> {
  try {
    return readPolicy(entry);
  } catch (error) {
    throw new Refused({ reply: 'precondition-failed', reason: (error as Error).message });
  }
}

function shownPolicy(
  name: string,
  { pattern, definition, priority = 0 }: PolicyDeclaration,
  vhost: string,
): ShownPolicy {
  return {
    vhost,
    name,
    pattern: regularExpressionOf(pattern),
    'apply-to': 'queues',
    definition: settingsOf(definition),
    priority,
  };
}

/** The regular expression that `globOf` makes the same glob of. */
function regularExpressionOf(glob: string): string {
  const parts: Record<string, string> = { '.': '\\.', '*': '.*', '?': '.' };
  return `^${glob.replaceAll(/[.*?]/g, (part) => parts[part]!)}$`;
}
