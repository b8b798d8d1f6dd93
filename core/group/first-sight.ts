/**
 * First sight: what a group knew of a topic when it first saw it. `latest` begins at that time: partitions that existed
 * are read from their end. What appears later (a partition, a topic that a pattern matches, a topic that is made again)
 * is read from its start. Otherwise the group would miss records that came before its members noticed.
 */

import { matchesPattern } from '../../protocol/names/name-pattern.ts';
import { own, type GroupState, type Member, type TopicRef } from './group-state.ts';

/** The number of remembered subscriptions that no member has any more. */
const FORMER_SUBSCRIPTIONS_MAX = 1_000;

/**
 * Notes the subscriptions that the group has not had yet.
 * @param topologyVersion topics that a later version creates appear later
 */
export function noteSubscriptions(
  state: GroupState,
  { topics, pattern }: Pick<Member, 'topics' | 'pattern'>,
  topologyVersion: number,
): void {
  const since = subscriptionsOf(state);
  for (const text of pattern === null ? topics : [...topics, pattern]) {
    if (own(since, text) === undefined) since[text] = topologyVersion;
  }
  if (Object.keys(since).length > FORMER_SUBSCRIPTIONS_MAX) forgetFormer(state, since);
}

/** Of members that were stored before subscriptions were noted: as old as the target that they have. */
export function subscriptionsOf(state: GroupState): Record<string, number> {
  if (state.subscribedSince) return state.subscribedSince;
  const texts = Object.values(state.members).flatMap(({ topics, pattern }) =>
    [...topics, pattern ?? []].flat(),
  );
  return (state.subscribedSince = Object.fromEntries(texts.map((text) => [text, state.topologyVersion])));
}

/**
 * The topic as the group keeps it, with what it knew at first sight.
 * @param known what the group has kept of the name so far
 */
export function withFirstSight(state: GroupState, name: string, ref: TopicRef, known?: TopicRef): TopicRef {
  if (known?.id === ref.id) {
    const { partitions, latestBelow = partitions, isSettled = known.latestBelow === undefined } = known;
    return { ...ref, latestBelow, isSettled };
  }
  const latestBelow = appearsLater(state, name, ref) ? 0 : ref.partitions;
  return { ...ref, latestBelow, isSettled: latestBelow === 0 };
}

/** Where the member begins in a partition of which the group has committed nothing. */
export function resetOf(
  { autoOffsetReset }: Pick<Member, 'autoOffsetReset'>,
  { latestBelow = Infinity }: TopicRef,
  partition: number,
): 'earliest' | 'latest' {
  return autoOffsetReset === 'latest' && partition < latestBelow ? 'latest' : 'earliest';
}

/** A topic whose partitions from 0 up to `below` have not yet noted their end at the first sight of the group. */
export interface UnbegunTopic {
  name: string;
  id: number;
  below: number;
}

export function unbegunTopics(state: GroupState, member: Member): UnbegunTopic[] {
  if (member.autoOffsetReset !== 'latest') return [];
  const isRead = (name: string): boolean =>
    member.topics.includes(name) || (member.pattern !== null && matchesPattern(member.pattern, name));
  return Object.entries(state.topics).flatMap(([name, { id, latestBelow = 0, isSettled }]) =>
    isSettled === false && isRead(name) ? [{ name, id, below: latestBelow }] : [],
  );
}

export function noteBegun(state: GroupState, topics: readonly { name: string; id: number }[]): boolean {
  let isChanged = false;
  for (const { name, id } of topics) {
    const ref = own(state.topics, name);
    if (ref?.id !== id || ref.isSettled !== false) continue;
    ref.isSettled = true;
    isChanged = true;
  }
  return isChanged;
}

function appearsLater(state: GroupState, name: string, { id }: TopicRef): boolean {
  return Object.entries(subscriptionsOf(state)).some(
    ([text, version]) => version < id && (text === name || matchesPattern(text, name)),
  );
}

/** Those that the group began to have last stay. */
function forgetFormer(state: GroupState, since: Record<string, number>): void {
  const current = new Set(
    Object.values(state.members).flatMap(({ topics, pattern }) => [...topics, pattern ?? '']),
  );
  const former = Object.keys(since)
    .filter((text) => !current.has(text))
    .toSorted((a, b) => since[a]! - since[b]!);
  for (const text of former.slice(0, Math.max(0, former.length - FORMER_SUBSCRIPTIONS_MAX)))
    delete since[text];
}
