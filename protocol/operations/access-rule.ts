/**
 * Access rule: what an operation asks of the credential of its caller.
 *
 *   a scope      a kind, a name and an action. The name is a parameter of the path (`{queue}`), or `*` for all names
 *   `some`       the action on any one resource: the operation checks what its body names as well
 *   'root'       the root token
 *   'signature'  no credential: the request is signed, and its handler verifies that
 *   'proof'      no credential: the request is a step towards one, and its handler verifies what it proves
 *
 * What a body or a query names is checked by the operation itself, after it has read them. `reaches` tells people what
 * that is.
 */

import type { Action, ResourceKind } from '../access/scopes.ts';

interface ScopeRule {
  readonly kind: ResourceKind;
  readonly name: `{${string}}` | '*';
  readonly action: Action;
  readonly reaches?: string;
}

interface SomeRule {
  readonly some: Action;
  readonly reaches?: string;
}

export type AccessRule = ScopeRule | SomeRule | 'root' | Unchecked;

/** Rules of what is called without a credential. */
export type Unchecked = 'signature' | 'proof';

export function isUnchecked(rule: AccessRule): rule is Unchecked {
  return rule === 'signature' || rule === 'proof';
}

/** Returns the rule as documents write it, such as `queue:{queue}:read`. */
export function textOfRule(rule: AccessRule): string {
  if (typeof rule === 'string') return rule;
  return 'some' in rule ? `*:?:${rule.some}` : `${rule.kind}:${rule.name}:${rule.action}`;
}

const ofPath =
  (kind: ResourceKind, parameter: string = kind) =>
  (action: Action, reaches?: string): ScopeRule => ({
    kind,
    name: `{${parameter}}`,
    action,
    ...(reaches !== undefined && { reaches }),
  });

/** Rules on what the path names. */
export const onTopic = ofPath('topic');
export const onQueue = ofPath('queue');
export const onExchange = ofPath('exchange');
export const onGroup = ofPath('group');
export const onShareGroup = ofPath('group', 'share_group');
export const onTransactionalId = ofPath('group', 'transactional_id');
export const onSchedule = ofPath('schedule');
export const onSubscription = ofPath('subscription');
export const onHook = ofPath('hook');
export const onObject = ofPath('object');
export const onNamespace = ofPath('namespace');

/** A rule on all names of a kind. */
export const onAll = (kind: ResourceKind, action: Action, reaches?: string): ScopeRule => ({
  kind,
  name: '*',
  action,
  ...(reaches !== undefined && { reaches }),
});

/** A rule that any right of that action meets. */
export const onSome = (some: Action, reaches: string): SomeRule => ({ some, reaches });
