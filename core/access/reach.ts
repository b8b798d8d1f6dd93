/**
 * Reach: what a request asks for beyond what its path names, because its body sends messages there, or reads from there.
 * Whoever may not write to a queue may not have dead letters, schedules or replays written there either.
 */

import type { Action, Need, ResourceKind } from '../../protocol/access/scopes.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../protocol/names/name-rule.ts';

/** Where something sends messages. More members say how, and do not matter here. */
type Target = { readonly queue: string } | { readonly exchange: string } | { readonly topic: string };

/** Returns the needs of an action on things of one kind. */
export function needsOf(kind: ResourceKind, names: Iterable<string>, action: Action): Need[] {
  return [...new Set(names)].map((name) => ({
    kind,
    // The default exchange has a name for paths and an empty one of its own.
    name: kind === 'exchange' && name === '' ? DEFAULT_EXCHANGE_PATH : name,
    action,
  }));
}

/** Returns the need of sending messages to a target; none if there is no target, or nothing is sent. */
export function needsOfTarget(target: Target | 'none' | null | undefined): Need[] {
  if (target === null || target === undefined || target === 'none') return [];
  if ('queue' in target) return needsOf('queue', [target.queue], 'write');
  if ('topic' in target) return needsOf('topic', [target.topic], 'write');
  return needsOf('exchange', [target.exchange], 'write');
}

/** Returns the needs of bindings: whoever binds changes where messages come from at one end, and where they go at the other. */
export function needsOfBindings(
  bindings: readonly {
    readonly source: string;
    readonly destination: { readonly kind: 'queue' | 'exchange' | 'topic'; readonly name: string };
  }[],
): Need[] {
  const sources = needsOf(
    'exchange',
    bindings.map(({ source }) => source),
    'manage',
  );
  const byKind = Map.groupBy(bindings, ({ destination }) => destination.kind);
  const destinations = [...byKind].flatMap(([kind, alike]) =>
    needsOf(
      kind,
      alike.map(({ destination }) => destination.name),
      'manage',
    ),
  );
  return [...sources, ...destinations];
}

/** Returns the needs of a subscription that takes messages from there. */
export function needsOfSource(
  source:
    | { readonly queue: string }
    | { readonly topic: string; readonly dead_letter?: Target | 'none' | undefined },
): Need[] {
  if ('queue' in source) return needsOf('queue', [source.queue], 'read');
  return [...needsOf('topic', [source.topic], 'read'), ...needsOfTarget(source.dead_letter)];
}
