/** Authorization: whether the identity of a call may do what its operation and its body ask for. */

import type { MiddlewareHandler } from 'hono';
import { refuseNamespace, refuseNeed, refuseRoot, refuseSome } from '../../core/access/identity.ts';
import { RefusalPauses } from '../../core/access/quotas/refusal-pauses.ts';
import type { Action, Need } from '../../protocol/access/scopes.ts';
import { type Failure } from '../../protocol/errors.ts';
import { isUnchecked, type AccessRule, type Unchecked } from '../../protocol/operations/access-rule.ts';
import type { Call } from '../../protocol/operations/calls.ts';
import { enterHook } from './hooks/enter-hook.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { auditChange, countRefusal } from './audit.ts';
import { publishLimitsOf } from './directory-cache.ts';
import { refuseFull } from './quotas/full-namespaces.ts';
import { refuseRate } from './quotas/rates.ts';
import { enterNamespace } from './quotas/spenders.ts';

/** Returns what checks a call before its handler: first the rights, then that the namespace exists. */
export function authorized(operation: Call): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('operation', operation);
    const refused = await refuseCall(c, operation);
    if (refused) {
      if (refused.code === 'quota') await pauseRefusal(c);
      return problem(c, counted(c, refused));
    }
    await next();
    await auditChange(c, operation, c.res.status);
    return undefined;
  };
}

async function refuseCall(c: AppContext, operation: Call): Promise<Failure | null> {
  const { access } = operation;
  if (access === 'proof') return null;
  if (access === 'signature') return await enterHook(c);
  return refuseRule(c, access) ?? (await enterNamespace(c)) ?? refuseRateOf(c, operation);
}

const pauses = new RefusalPauses();

/** A spender that does not wait is made to. */
async function pauseRefusal(c: AppContext): Promise<void> {
  const spender = c.get('spenders')?.[0]?.key;
  const waitMs = spender === undefined ? 0 : pauses.begin(spender, Date.now());
  if (waitMs === 0) return;
  try {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  } finally {
    pauses.ended();
  }
}

/** Returns why the call may not reach what its body names (core/access/reach.ts); null if it may. */
export function refuseReach(c: AppContext, needs: readonly Need[]): Failure | null {
  for (const need of needs) {
    const refused = refuseIn(c, c.req.param('namespace') ?? '', need);
    if (refused) return refused;
  }
  return null;
}

/** As `refuseReach`, for a call that does less if it may not. */
export function mayReach(c: AppContext, needs: readonly Need[]): boolean {
  const namespace = c.req.param('namespace') ?? '';
  return needs.every((need) => refuseNeed(c.get('identity'), namespace, need) === null);
}

/** Returns why the call may not do that in a namespace, which its path need not name; null if it may. */
export function refuseIn(c: AppContext, namespace: string, need: Need): Failure | null {
  const refused = refuseNeed(c.get('identity'), namespace, need);
  return refused && counted(c, refused);
}

/** Returns the action that the operation of a call asks for. */
export function actionOf(c: AppContext): Action {
  const { access } = c.get('operation');
  if (access === 'root') return 'manage';
  if (isUnchecked(access)) return 'write';
  return 'some' in access ? access.some : access.action;
}

/** Counts a refusal of rights for the audit. */
function counted(c: AppContext, refused: Failure): Failure {
  const { code } = refused;
  if (code === 'forbidden')
    countRefusal(c, { identity: c.get('identity'), operation: c.get('operation').id, code });
  return refused;
}

function refuseRule(c: AppContext, rule: Exclude<AccessRule, Unchecked>): Failure | null {
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

function refuseRateOf(c: AppContext, { rate }: Call): Failure | null {
  const namespace = c.req.param('namespace') ?? '';
  const full = rate === 'publish' ? refuseFull(namespace, publishLimitsOf(namespace).storedBytesMax) : null;
  return full ?? (rate === undefined ? null : refuseRate(c, rate));
}
