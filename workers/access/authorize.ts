/** Authorization: whether the identity of a call may do what its operation and its body ask for. */

import type { MiddlewareHandler } from 'hono';
import { refuseNamespace, refuseNeed, refuseRoot, refuseSome } from '../../core/access/identity.ts';
import type { Action, Need, ResourceKind } from '../../protocol/access/scopes.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { isName } from '../../protocol/names.ts';
import type { AccessRule, Operation } from '../../protocol/operations/index.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { lookUpNamespace } from './directory-cache.ts';

/** Returns what checks a call before its handler: first the rights, then that the namespace exists. */
export function authorized({ access }: Operation): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const refused = refuseRule(c, access) ?? (await missingNamespace(c));
    if (refused) return problem(c, refused);
    return await next();
  };
}

/** Returns why the call may not reach what its body names; null if it may. */
export function refuseReach(
  c: AppContext,
  kind: ResourceKind,
  names: Iterable<string>,
  action: Action,
): Failure | null {
  for (const name of names) {
    const refused = refuse(c, { kind, name, action });
    if (refused) return refused;
  }
  return null;
}

/** Returns why the call may not do that in the namespace of its path; null if it may. */
export function refuse(c: AppContext, need: Need): Failure | null {
  return refuseIn(c, c.req.param('namespace') ?? '', need);
}

/** As `refuse`, in a namespace that the path does not name. */
export function refuseIn(c: AppContext, namespace: string, need: Need): Failure | null {
  return refuseNeed(c.get('identity'), namespace, need);
}

function refuseRule(c: AppContext, rule: AccessRule): Failure | null {
  const identity = c.get('identity');
  if (rule === 'root') return refuseRoot(identity);
  const namespace = c.req.param('namespace');
  if ('some' in rule) {
    const elsewhere = namespace === undefined ? null : refuseNamespace(identity, namespace);
    return elsewhere ?? refuseSome(identity, rule.some);
  }
  const { kind, action } = rule;
  const name = rule.name === '*' ? '*' : (c.req.param(rule.name.slice(1, -1)) ?? '');
  return refuseNeed(identity, namespace ?? '', { kind, name, action });
}

/** A name that is none is refused by the handler. */
async function missingNamespace(c: AppContext): Promise<Failure | null> {
  const name = c.req.param('namespace');
  if (name === undefined || !isName(name) || c.req.path.startsWith('/admin/')) return null;
  if (await lookUpNamespace(c.env, name, Date.now())) return null;
  return failure('namespace_not_found', `there is no namespace "${name}"; "default" is there from the start`);
}
