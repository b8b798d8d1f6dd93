/** Scope rules: whether scopes allow what a call asks for, and whether one set of scopes covers another. */

import { RESOURCE_KINDS, type Action, type Need, type Scope } from '../../protocol/access/scopes.ts';

/** Returns true when one of the scopes allows what is needed. */
export function allows(scopes: readonly Scope[], { kind, name, action }: Need): boolean {
  return scopes.some(
    (scope) =>
      (scope.kind === '*' || scope.kind === kind) &&
      namesCover(scope.name, name) &&
      scope.actions.some((granted) => includesAction(granted, action)),
  );
}

/** Returns true when one of the scopes allows the action on anything at all. */
export function allowsSome(scopes: readonly Scope[], action: Action): boolean {
  return scopes.some(({ actions }) => actions.some((granted) => includesAction(granted, action)));
}

/**
 * Returns true when whatever `child` allows, `parent` allows too: no token can make one that may do more. A scope that only
 * several scopes of the parent cover together, such as a prefix that is covered name by name, counts as not covered.
 */
export function covers(parent: readonly Scope[], child: readonly Scope[]): boolean {
  return child.every(({ kind, name, actions }) =>
    (kind === '*' ? RESOURCE_KINDS : [kind]).every((one) =>
      actions.every((action) => allows(parent, { kind: one, name, action })),
    ),
  );
}

/** Returns true when holding the action `granted` is enough for `needed`. */
export function includesAction(granted: Action, needed: Action): boolean {
  if (granted === needed) return true;
  if (granted === 'metrics') return false;
  return needed === 'view' || (granted === 'manage' && needed === 'operate');
}

/** Returns true when every name that `narrow` stands for is one that `wide` stands for. Both are exact names or prefixes with `*`. */
function namesCover(wide: string, narrow: string): boolean {
  return wide.endsWith('*') ? narrow.startsWith(wide.slice(0, -1)) : wide === narrow;
}
