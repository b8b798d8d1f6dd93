/**
 * Append limits: why an object takes nothing more. The namespace has a cost ceiling and a quota of stored bytes; the object itself
 * has an end. What the broker hands on is held back by the last alone, so that nothing it has taken is lost.
 */

import type { Failure } from '../../protocol/errors.ts';
import type { PublishLimits } from '../rpc/publish-limits.ts';
import type { ObjectContext } from './context.ts';
import { CostMeter } from './cost-meter.ts';
import { StorageRoom } from './storage-room.ts';
import { StoredMeter, type Storing } from './stored-meter.ts';

export interface LimitedObject extends Pick<ObjectContext, 'env' | 'now' | 'waitUntil'> {
  readonly kind: 'queue' | 'partition';
  /** Null: it is not defined yet. */
  object(): Storing | null;
  /** Rows written since it woke. */
  rows(): number;
  databaseBytes(): number;
  /** Bytes that it stores elsewhere: they count for the quota, and take no room in the object. */
  coldBytes?(): number;
}

export class AppendLimits {
  readonly #cost: CostMeter;
  readonly #stored: StoredMeter;
  readonly #room: StorageRoom;

  constructor(host: LimitedObject) {
    const { env, now, waitUntil } = host;
    const namespace = (): string | null => host.object()?.namespace ?? null;
    this.#cost = new CostMeter(env, { now, waitUntil, namespace, rows: () => host.rows() }, Math.random());
    this.#stored = new StoredMeter(
      host,
      () => host.databaseBytes() + (host.coldBytes?.() ?? 0),
      () => host.object(),
    );
    this.#room = new StorageRoom(host.kind, env, () => host.databaseBytes());
  }

  /** Makes the object. What that writes does not grow with messages. */
  setUp(make: () => void): void {
    this.#cost.setUp(make);
  }

  /** Takes the limits that a router tells. Returns what the publish has to wait for; null if it may go on at once. */
  learn({ storedBytesMax }: PublishLimits): Promise<void> | null {
    return this.#stored.learn(storedBytesMax);
  }

  /**
   * Returns why an append is refused; null if there is room for it.
   * @param limits null: the broker hands it on
   * @param pendingBytes those that are in memory and not on disk yet
   */
  refusal(limits: PublishLimits | null, pendingBytes: number, bytes: number): Failure | null {
    const refused =
      limits && (this.#cost.refusal(limits.rowsPerHour) ?? this.#stored.refusal(pendingBytes + bytes));
    return refused ?? this.#room.refusal(pendingBytes, bytes);
  }

  /** After a commit. */
  note(): void {
    this.#cost.note();
    this.#stored.note();
  }

  /** After a commit that frees space and writes few rows. */
  noteFreed(): void {
    this.#stored.note();
  }

  /** What the object stores. */
  storedBytes(): number {
    return this.#stored.bytes();
  }
}
