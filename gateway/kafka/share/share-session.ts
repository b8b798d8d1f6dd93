/**
 * Share session: the partitions that a member reads by one connection, so that it need not name them each time. It begins with epoch
 * 0; each request has the next epoch; -1 ends it. What the member has not acknowledged then, or when its connection ends, is released.
 */

import { SHARE_LOCK_MS_DEFAULT } from '../../../protocol/limits.ts';

export interface SharePlace {
  topic: string;
  topicId: number;
  uuid: string;
  partition: number;
}

/** Of a connection. Kafka's clients have one of each group. */
export const SHARE_SESSIONS_MAX = 100;

/** Kafka's epochs begin again after the largest int32. */
const EPOCH_MAX = 2 ** 31 - 1;

export class ShareSession {
  readonly group: string;
  readonly memberId: string;
  readonly #partitions = new Map<string, SharePlace>();
  /** Those from which something was acquired. */
  readonly #touched = new Map<string, SharePlace>();
  #nextEpoch = 1;
  /** How long records are locked, as the broker has told last, in ms. */
  lockMs = SHARE_LOCK_MS_DEFAULT;

  constructor(group: string, memberId: string) {
    this.group = group;
    this.memberId = memberId;
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

  add(place: SharePlace): void {
    this.#partitions.set(keyOf(place), place);
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
