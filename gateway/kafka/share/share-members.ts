/**
 * Share members: who takes part in share groups by this gateway. The broker's share groups have no members: it locks records for
 * whoever asks. Kafka's clients want to be told of partitions to read, so a gateway spreads those of each topic over its own members.
 * What gateways do not know of each other does no harm: partitions may be read by many at the same time.
 */

import { SESSION_TIMEOUT_MS_DEFAULT } from '../../../protocol/limits.ts';

export interface ShareMember {
  memberId: string;
  clientId: string;
  clientHost: string;
  rackId: string | null;
  topics: readonly string[];
  /** The epoch of the group when its members or what they read changed last. */
  epoch: number;
  heardMs: number;
  /** The connection by which it was heard of last. */
  by: object;
}

/** Kafka's `group.share.max.size`. */
export const SHARE_MEMBERS_MAX = 1_000;

/** Of all groups together. */
const MEMBERS_MAX = 100_000;

interface Group {
  epoch: number;
  members: Map<string, ShareMember>;
  /** Topics that the broker's definition of the group is known to have. */
  declared: ReadonlySet<string>;
  /** The declaration under way. */
  declaring: Promise<unknown>;
}

export class ShareMembers {
  /** By namespace and name. */
  readonly #groups = new Map<string, Group>();
  #count = 0;

  /** Members that have been heard of lately, by their ids. */
  of(namespace: string, group: string, nowMs: number): ShareMember[] {
    const known = this.#groups.get(keyOf(namespace, group));
    if (!known) return [];
    for (const { memberId, heardMs } of known.members.values()) {
      if (heardMs < nowMs - SESSION_TIMEOUT_MS_DEFAULT) this.leave(namespace, group, memberId);
    }
    return [...known.members.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  }

  epochOf(namespace: string, group: string): number {
    return this.#groups.get(keyOf(namespace, group))?.epoch ?? 0;
  }

  get(namespace: string, group: string, memberId: string): ShareMember | null {
    return this.#groups.get(keyOf(namespace, group))?.members.get(memberId) ?? null;
  }

  /** Adds a member, or notes what it says anew. Returns false if there is no room for it. */
  put(namespace: string, group: string, member: Omit<ShareMember, 'epoch'>): boolean {
    const key = keyOf(namespace, group);
    const known = this.#groups.get(key) ?? newGroup();
    const before = known.members.get(member.memberId);
    if (!before && (known.members.size >= SHARE_MEMBERS_MAX || this.#count >= MEMBERS_MAX)) return false;
    this.#groups.set(key, known);
    if (!before) this.#count += 1;
    if (before?.topics.join() !== member.topics.join()) known.epoch += 1;
    known.members.set(member.memberId, { ...member, epoch: known.epoch });
    return true;
  }

  /**
   * Sees that the broker's definition of a group with members has these topics. One after another, since a declaration
   * is made from what is there.
   * @param declare adds what is missing, and returns what the definition has then
   */
  async declared(
    namespace: string,
    group: string,
    topics: readonly string[],
    declare: () => Promise<readonly string[]>,
  ): Promise<void> {
    const known = this.#groups.get(keyOf(namespace, group));
    if (!known) return;
    const isComplete = (): boolean => topics.every((topic) => known.declared.has(topic));
    if (isComplete()) return;
    const turn = known.declaring.then(async () => {
      if (!isComplete()) known.declared = new Set(await declare());
    });
    known.declaring = turn.catch(() => {});
    await turn;
  }

  /** The broker's definition is not as it was: the group is declared again with the next heartbeat. */
  forgetDeclared(namespace: string, group: string): void {
    const known = this.#groups.get(keyOf(namespace, group));
    if (known) known.declared = new Set();
  }

  /** A connection has ended: its members leave, unless they have come back by another. */
  leaveWith(connection: object, namespace: string, group: string, memberId: string): void {
    if (this.get(namespace, group, memberId)?.by === connection) this.leave(namespace, group, memberId);
  }

  leave(namespace: string, group: string, memberId: string): void {
    const key = keyOf(namespace, group);
    const known = this.#groups.get(key);
    if (!known?.members.delete(memberId)) return;
    this.#count -= 1;
    known.epoch += 1;
    if (known.members.size === 0) this.#groups.delete(key);
  }
}

function newGroup(): Group {
  return { epoch: 0, members: new Map(), declared: new Set(), declaring: Promise.resolve() };
}

const keyOf = (namespace: string, group: string): string => `${namespace}\0${group}`;

/**
 * The partitions of a topic that a member reads: each partition has a member, and each member a partition.
 * @param members the ids of those that read the topic, in order
 */
export function shareOf(members: readonly string[], memberId: string, partitions: number): number[] {
  const nth = members.indexOf(memberId);
  if (nth === -1 || partitions === 0) return [];
  if (members.length >= partitions) return [nth % partitions];
  const count = Math.ceil((partitions - nth) / members.length);
  return Array.from({ length: count }, (_, index) => nth + index * members.length);
}
