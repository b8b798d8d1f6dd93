/** Authorization: whether the identity of a call may do what its operation and its body ask for. */

import type { MiddlewareHandler } from 'hono';
import { refuseNamespace, refuseNeed, refuseRoot, refuseSome } from '../../core/access/identity.ts';
import type { Action, Need } from '../../protocol/access/scopes.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { isName } from '../../protocol/names.ts';
import type { AccessRule, Operation } from '../../protocol/operations/index.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { lookUpNamespace } from './directory-cache.ts';

/** Returns what checks a call before its handler: first the rights, then that the namespace exists. */
export function authorized(operation: Operation): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('operation', operation);
    const refused = refuseRule(c, operation.access) ?? (await missingNamespace(c));
    if (refused) return problem(c, refused);
    return await next();
  };
}

/** Returns why the call may not reach what its body names (core/access/reach.ts); null if it may. */
export function refuseReach(c: AppContext, needs: readonly Need[]): Failure | null {
  for (const need of needs) {
    const refused = refuseIn(c, c.req.param('namespace') ?? '', need);
    if (refused) return refused;
  }
  return null;
}

/** Returns why the call may not do that in a namespace, which its path need not name; null if it may. */
export function refuseIn(c: AppContext, namespace: string, need: Need): Failure | null {
  return refuseNeed(c.get('identity'), namespace, need);
}

/** Returns the action that the operation of a call asks for. */
export function actionOf(c: AppContext): Action {
  const { access } = c.get('operation');
  if (access === 'root') return 'manage';
  return 'some' in access ? access.some : access.action;
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
