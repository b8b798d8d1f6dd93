/**
 * Share session: the partitions that a member reads, so that it need not name them each time. It begins with epoch 0; each request has
 * the next epoch; -1 ends it. What the member has not acknowledged then, or when the connection that began it ends, is released.
 */

import { PARTITIONS_MAX, SHARE_LOCK_MS_DEFAULT } from '../../../protocol/limits.ts';

export interface SharePlace {
  topic: string;
  topicId: number;
  uuid: string;
  partition: number;
}

/** Of a connection. Kafka's clients have one of each group. */
export const SHARE_SESSIONS_MAX = 100;

/** Of a member's id. The broker takes 255, with what the connection adds. */
export const MEMBER_ID_LENGTH_MAX = 200;

/** Kafka's epochs begin again after the largest int32. */
const EPOCH_MAX = 2 ** 31 - 1;

export class ShareSession {
  readonly group: string;
  readonly memberId: string;
  /** Whose the locks are at the broker. */
  readonly lockedBy: string;
  readonly #partitions = new Map<string, SharePlace>();
  /** Those from which something was acquired. */
  readonly #touched = new Map<string, SharePlace>();
  #nextEpoch = 1;
  /** How long records are locked, as the broker has told last, in ms. */
  lockMs = SHARE_LOCK_MS_DEFAULT;
  /** What is acquired after the end is released at once. */
  hasEnded = false;

  constructor(group: string, memberId: string, lockedBy: string) {
    this.group = group;
    this.memberId = memberId;
    this.lockedBy = lockedBy;
  }

  get partitions(): SharePlace[] {
    return [...this.#partitions.values()];
  }

  get touched(): SharePlace[] {
    return [...this.#touched.values()];
  }

  /** Returns false if it is not the epoch of the next request. */
  accept(epoch: number): boolean {
    if (epoch !== this.#nextEpoch) return false;
    this.#nextEpoch = epoch === EPOCH_MAX ? 1 : epoch + 1;
    return true;
  }

  /** Returns false if there are as many as one call may name. */
  add(place: SharePlace): boolean {
    const key = keyOf(place);
    if (this.#partitions.size >= PARTITIONS_MAX && !this.#partitions.has(key)) return false;
    this.#partitions.set(key, place);
    return true;
  }

  forget(place: Pick<SharePlace, 'uuid' | 'partition'>): void {
    this.#partitions.delete(keyOf(place));
  }

  touch(place: SharePlace): void {
    this.#touched.set(keyOf(place), place);
  }
}

export const keyOf = ({ uuid, partition }: Pick<SharePlace, 'uuid' | 'partition'>): string =>
  `${uuid}/${partition}`;
