/**
 * Sealer: moves the oldest segments of a partition to the bucket, an object at a time.
 *
 *   step     what it does                                            a crash after it leaves
 *   ------   -----------------------------------------------------   ------------------------------------------------
 *   note     commits the key as an orphan that is due in an hour     an orphan without an object
 *   put      stores the object under that key                        an orphan, which the sweep deletes
 *   verify   compares size and SHA-256 with those that were sent     the same
 *   commit   the row of the object comes, the rows of its segments   all done
 *            and the orphan go, in one transaction
 *
 * So the segments are in rows until the bucket is known to have them, and every object has a row that names it.
 */

import { createHash } from 'node:crypto';
import type { SegmentExtent } from '../../../core/log/segment.ts';
import { encodeObjectIndex } from '../../../core/log/tier/object-index.ts';
import {
  extentOfRun,
  hotBytesOf,
  isSealingDue,
  OBJECT_SEGMENTS_MAX,
  objectBytesOf,
  planObject,
} from '../../../core/log/tier/sealing.ts';
import { tierKey, tierPrefix } from '../../../core/log/tier/tier-key.ts';
import { RetryTask } from '../../forwarding/retry-task.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { ConcurrencyLimit } from '../../runtime/concurrency-limit.ts';
import { within } from '../../runtime/within.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import type { SegmentLog } from '../../storage/segment-log.ts';
import type { ProducedLog } from '../log/produced-log.ts';
import type { TierStore } from './tier-store.ts';

/** An attempt has ended long before, whatever has become of its request. */
const ORPHAN_AFTER_MS = 3_600_000;

/** What the bucket has not done by then is given up, and tried again under another key. */
const STEP_MS_MAX = 60_000;

/** Objects that are built at a time in one isolate, whose memory many partitions share. */
const building = new ConcurrencyLimit(2, 3 * STEP_MS_MAX);

export interface Tiered {
  definition: PartitionDefinition;
  log: SegmentLog;
  produced: ProducedLog;
  objects: TierStore;
}

export interface SealerHost {
  open(): Tiered | null;
  /** Resolves when all that was written is durable. */
  sync(): Promise<void>;
  /** The orphans have changed. */
  noted(): void;
  /** Rows have gone. */
  sealed(): void;
}

interface Built {
  run: SegmentExtent[];
  key: string;
  data: Uint8Array;
  sha256: Uint8Array;
}

export class Sealer {
  readonly #context: ObjectContext;
  readonly #host: SealerHost;
  readonly #task: RetryTask;
  /** The key of the attempt that is under way, which no sweep may delete; empty if there is none. */
  attempt = '';

  constructor(context: ObjectContext, host: SealerHost) {
    this.#context = context;
    this.#host = host;
    this.#task = new RetryTask(context, 'tier', {
      label: () => 'segments of a partition for the bucket',
      hasWork: () => this.#isDue(),
      send: () => this.#sealAll(),
    });
  }

  /** Begins if the hot part is too large. Costs nothing otherwise. */
  wake(): void {
    this.#task.wake();
  }

  /** Ends it for a partition that is deleted, which is not open any more. */
  async end(): Promise<void> {
    await this.#task.run();
    this.#task.cancel();
  }

  #isDue(): boolean {
    const open = this.#host.open();
    if (open === null || this.#context.env.OBJECTS === undefined) return false;
    const { head, hotBytes } = open.log;
    return isSealingDue(hotBytes, head.tail?.bytes ?? 0, hotBytesOf(open.definition.topic.config));
  }

  async #sealAll(): Promise<string | null> {
    while (this.#isDue()) {
      const problem = await building.run(() => this.#sealOne());
      if (problem !== null) return problem;
    }
    return null;
  }

  /** @returns why it was given up, or null */
  async #sealOne(): Promise<string | null> {
    const open = this.#host.open();
    const { OBJECTS: bucket } = this.#context.env;
    if (open === null || bucket === undefined || !this.#isDue()) return null;
    const built = buildObject(open);
    if (built === null) return 'the hot part is one segment';
    const { key, data, sha256 } = built;
    const { topic, partition } = open.definition;
    const path = tierPrefix(topic, partition) + key;
    this.attempt = key;
    try {
      open.objects.noteOrphan(key, this.#context.now() + ORPHAN_AFTER_MS);
      this.#host.noted();
      await this.#host.sync();
      await within(STEP_MS_MAX, `storing ${path}`, bucket.put(path, data, { sha256 }));
      const stored = await within(STEP_MS_MAX, `a look at ${path}`, bucket.head(path));
      if (stored === null || stored.size !== data.length || !isSame(stored.checksums.sha256, sha256))
        return `the bucket does not have what was stored as ${path}`;
      return this.#commit(open, built) ? null : 'the log has changed meanwhile';
    } finally {
      this.attempt = '';
      this.#host.noted();
    }
  }

  /** Reads, decides and commits without a pause. */
  #commit(open: Tiered, { run, key }: Built): boolean {
    if (this.#host.open() !== open || !open.objects.hasOrphan(key)) return false;
    open.produced.prepareCleanUp(this.#context.now()); // a partition that opens reads producers from rows only
    const isSealed = open.log.seal(run, () =>
      open.objects.addObject(key, extentOfRun(run), encodeObjectIndex(run)),
    );
    if (isSealed) this.#host.sealed();
    return isSealed;
  }
}

/** Reads the segments of the next object. */
function buildObject({ log, definition }: Tiered): Built | null {
  const objectBytes = objectBytesOf(hotBytesOf(definition.topic.config)!);
  const run = planObject(
    log.oldestHot(OBJECT_SEGMENTS_MAX + 1),
    log.head.tail?.baseOffset ?? -1,
    objectBytes,
  );
  if (run.length === 0) return null;
  const { baseOffset, nextOffset, bytes } = extentOfRun(run);
  const data = new Uint8Array(bytes);
  const hash = createHash('sha256');
  let at = 0;
  for (const segment of log.segmentsFrom(baseOffset)) {
    if (segment.baseOffset >= nextOffset) break;
    data.set(segment.data, at);
    hash.update(segment.data);
    at += segment.data.length;
  }
  if (at !== bytes) throw new Error(`segments of ${bytes} bytes have ${at}`);
  return { run, key: tierKey(baseOffset, crypto.randomUUID()), data, sha256: new Uint8Array(hash.digest()) };
}

function isSame(one: ArrayBuffer | undefined, other: Uint8Array): boolean {
  const bytes = one && new Uint8Array(one);
  return bytes?.length === other.length && bytes.every((byte, index) => byte === other[index]);
}
