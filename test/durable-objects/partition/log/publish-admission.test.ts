/** Publishes through an exchange in the log of a partition: each message once, whatever fails and whenever it wakes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packExchangeBatches } from '../../../../core/log/exchange-batch.ts';
import type { PublishRange } from '../../../../core/producers/gapped-sequences.ts';
import {
  SNAPSHOT_INTERVAL_BYTES,
  type ProducedBatch,
} from '../../../../durable-objects/partition/log/produced-log.ts';
import { readAppend } from '../../../../durable-objects/partition/log/read-append.ts';
import type { PublishedRun } from '../../../../durable-objects/partition/log/publish-admission.ts';
import type { ReadResult } from '../../../../durable-objects/storage/segment-log.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import { textHeader } from '../../../../protocol/schemas/messages.ts';
import { bytesOf, recordsOf, textOf } from '../../../support/batches.ts';
import { ProducedStore } from './produced-store.ts';

class Store extends ProducedStore {
  /** The offsets of the messages at these places of a request; or the code. */
  publish(range: PublishRange, places: readonly number[], padding = ''): number[] | string {
    this.nowMs += 1;
    const records = places.map((place) => ({
      key: null,
      value: bytesOf(`${range.epoch}/${range.sequence + place}${padding}`),
      timestamp: this.nowMs,
      headers: [textHeader(':exchange', range.exchange)],
    }));
    const sequences = places.map((place) => range.sequence + place);
    const batches = packExchangeBatches(records, sequences, range, 1 << 20).flatMap(
      (bytes): ProducedBatch[] => readAppend(bytes, false, 0),
    );
    const [outcome] = this.produced.commit([{ kind: 'publish', batches, range }], this.nowMs);
    if (isFailure(outcome)) return outcome.code;
    return (outcome as PublishedRun[]).flatMap(({ baseOffset, recordCount }) =>
      Array.from({ length: recordCount }, (_, nth) => baseOffset + nth),
    );
  }

  values(): string[] {
    const { chunks } = this.produced.read(0, 1 << 26, 1e9, 'read_uncommitted') as ReadResult;
    return recordsOf(chunks).map(({ value }) => textOf(value)!.trim());
  }
}

const range = (sequence: number, count: number, epoch = 0): PublishRange => ({
  exchange: 'events',
  id: 7,
  epoch,
  sequence,
  count,
});

describe('a publish through an exchange in a partition', () => {
  it('is known after a wake, with gaps of any width, and a request of many batches whole', () => {
    const store = new Store();
    const places = [0, 1, 5, 261, 262, 2_000, 2_255, 2_512, 5_000, 5_300, 5_600, 5_900, 9_999];
    const first = store.publish(range(0, 10_000), places);
    expect(first).toEqual(places.map((_, nth) => nth));
    store.open();
    expect(store.publish(range(0, 10_000), places)).toEqual(first);
    // What routing sends here now and did not before is stored, and the rest where it was.
    expect(store.publish(range(0, 10_000), [0, 3, 261, 9_999])).toEqual([0, 13, 3, 12]);
    store.open();
    expect(store.publish(range(0, 10_000), [3, 5])).toEqual([13, 2]);
    expect(store.values()).toHaveLength(14);
    store.publish(range(10_000, 5), [2]);
    store.open();
    expect(store.publish(range(9_990, 5), [1])).toBe('out_of_order_sequence');
  });

  it('costs one row, the same as without a producer, and its snapshot is found again', () => {
    const store = new Store();
    store.publish(range(0, 10), [0, 5]);
    const before = store.sql.meter.rowsWritten;
    store.publish(range(10, 10), [3, 4, 9]);
    expect(store.sql.meter.rowsWritten - before).toBe(1);
    const padding = ' '.repeat(SNAPSHOT_INTERVAL_BYTES / 16);
    for (let sequence = 20; sequence < 40; sequence++) store.publish(range(sequence, 1), [0], padding);
    store.produced.prepareCleanUp(store.nowMs);
    store.open();
    expect(store.publish(range(39, 1), [0], padding)).toEqual([24]);
    expect(store.publish(range(38, 1), [0], padding)).toEqual([23]);
  });

  it('is stored once under random attempts, failing storage and memory that is lost', () => {
    const attempt = fc.record({
      routed: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 8 }),
      failAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 4 })),
      reopens: fc.boolean(),
      cleans: fc.boolean(),
    });
    const request = fc.record({
      attempts: fc.array(attempt, { minLength: 1, maxLength: 4 }),
      givesUp: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 15 }), (requests) => {
        const store = new Store();
        const places = new Map<string, number>();
        let [epoch, next] = [0, 0];
        for (const { attempts, givesUp } of requests) {
          for (const { routed, failAt, reopens, cleans } of attempts) {
            if (cleans) store.produced.prepareCleanUp(store.nowMs);
            const sent = routed.toSorted((a, b) => a - b);
            store.sql.failAfter = failAt || Infinity;
            let offsets: number[] | string | null = null;
            try {
              offsets = store.publish(range(next, 8, epoch), sent);
            } catch (error) {
              if (!String(error).includes('as the test asked')) throw error;
            }
            store.sql.failAfter = Infinity;
            if (reopens) store.open();
            if (offsets === null) continue;
            expect(offsets).toBeInstanceOf(Array);
            for (const [nth, place] of sent.entries()) {
              const message = `${epoch}/${next + place}`;
              const offset = (offsets as number[])[nth]!;
              expect(places.get(message) ?? offset).toBe(offset);
              places.set(message, offset);
            }
          }
          next += 8;
          if (givesUp) [epoch, next] = [epoch + 1, 0];
        }
        const values = store.values();
        expect(values).toHaveLength(places.size);
        for (const [message, offset] of places) expect(values[offset]).toBe(message);
      }),
      { numRuns: 100 },
    );
  });
});
