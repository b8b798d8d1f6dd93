/**
 * Sticky: balanced, with as few changes as possible. It is called cooperative because it moves only what balance needs,
 * so a handover affects no other member.
 *
 * If all members subscribe to the same topics the result is balanced within one with the fewest possible moves: members
 * keep up to their share, and the larger shares go to those that have most. With different subscriptions each partition
 * that needs an owner goes to the subscriber that has fewest, then partitions move from a member to one that has at least
 * two less, until there is no such move.
 */

import {
  ordered,
  type Assignment,
  type AssignorInput,
  type AssignorMember,
  type SubscribedTopic,
} from './assignor.ts';

interface Work {
  members: AssignorMember[];
  topics: SubscribedTopic[];
  /** Per member, what it has. */
  lists: string[][];
  /** Partitions without an owner, in order. */
  open: { key: string; subscribers: readonly number[] }[];
}

export function assignStickyCooperative(input: AssignorInput): Assignment {
  const work = keepCurrent(input);
  const { members, topics, lists } = work;
  if (topics.every(({ subscribers }) => subscribers.length === members.length)) fillToQuota(work);
  else fillToFewest(work);
  return new Map(members.map(({ id }, index) => [id, lists[index]!]));
}

/** Each member keeps partitions that it had and still subscribes to. If two had the same, the first keeps it. */
function keepCurrent(input: AssignorInput): Work {
  const { members, topics } = ordered(input);
  const owners = new Map<string, number>();
  members.forEach(({ current }, index) => {
    for (const key of current) if (!owners.has(key)) owners.set(key, index);
  });
  const work: Work = { members, topics, lists: members.map(() => []), open: [] };
  for (const { name, partitions, subscribers } of topics) {
    const isSubscriber = new Set(subscribers);
    for (let partition = 0; partition < partitions; partition++) {
      const key = `${name}/${partition}`;
      const owner = owners.get(key);
      if (owner !== undefined && isSubscriber.has(owner)) work.lists[owner]!.push(key);
      else work.open.push({ key, subscribers });
    }
  }
  return work;
}

function fillToQuota({ members, lists, open }: Work): void {
  if (members.length === 0) return;
  const total = lists.reduce((sum, { length }) => sum + length, open.length);
  const share = Math.floor(total / members.length);
  const byCount = lists
    .map((_, index) => index)
    .toSorted((a, b) => lists[b]!.length - lists[a]!.length || a - b);
  const shares = new Array<number>(members.length).fill(share);
  for (const index of byCount.slice(0, total % members.length)) shares[index] = share + 1;
  const pool = open.map(({ key }) => key);
  lists.forEach((list, index) => {
    if (list.length > shares[index]!) pool.push(...list.splice(shares[index]!));
  });
  let next = 0;
  lists.forEach((list, index) => {
    while (list.length < shares[index]!) list.push(pool[next++]!);
  });
}

function fillToFewest({ topics, lists, open }: Work): void {
  for (const { key, subscribers } of open) lists[fewest(lists, subscribers)]!.push(key);
  for (let isMoved = true; isMoved;) {
    isMoved = false;
    for (const { name, subscribers } of topics) isMoved = level(lists, subscribers, `${name}/`) || isMoved;
  }
}

/** Moves partitions of one topic from those with most to those with fewest. Each move makes the sum of squares smaller. */
function level(lists: string[][], subscribers: readonly number[], prefix: string): boolean {
  let isMoved = false;
  const having = subscribers.toSorted((a, b) => lists[b]!.length - lists[a]!.length || a - b);
  for (const from of having) {
    for (;;) {
      const to = fewest(lists, subscribers);
      if (lists[from]!.length - lists[to]!.length < 2) break;
      const at = lists[from]!.findLastIndex((key) => key.startsWith(prefix));
      if (at < 0) break;
      lists[to]!.push(...lists[from]!.splice(at, 1));
      isMoved = true;
    }
  }
  return isMoved;
}

/** The subscriber with the fewest partitions, the first of several. */
function fewest(lists: readonly string[][], subscribers: readonly number[]): number {
  let best = subscribers[0]!;
  for (const subscriber of subscribers) {
    if (lists[subscriber]!.length < lists[best]!.length) best = subscriber;
  }
  return best;
}
