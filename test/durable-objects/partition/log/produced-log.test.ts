import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TransactionEnd } from '../../../../core/log/producer-state.ts';
import { PRODUCER_IDLE_MS } from '../../../../core/producers/sequences.ts';
import {
  SNAPSHOT_INTERVAL_BYTES,
  type LogCommand,
  type LogOutcome,
  type ProducedBatch,
} from '../../../../durable-objects/partition/log/produced-log.ts';
import { Compactor } from '../../../../durable-objects/storage/compactor.ts';
import type { ReadResult } from '../../../../durable-objects/storage/segment-log.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import { encodeBatch } from '../../../../protocol/record-batch/index.ts';
import { bytesOf, recordsOf, textOf } from '../../../support/batches.ts';
import { ProducedStore } from './produced-store.ts';

interface Sent {
  id: number;
  epoch?: number;
  seq: number;
  tx?: boolean;
  values?: string[];
  key?: string;
  timestamp?: number;
}

function batchOf({
  id,
  epoch = 0,
  seq,
  tx = false,
  values = ['v'],
  key,
  timestamp = 1_000,
}: Sent): ProducedBatch {
  const bytes = encodeBatch(
    values.map((value) => ({
      key: key === undefined ? null : bytesOf(key),
      value: bytesOf(value),
      timestamp,
    })),
    id < 0 ? {} : { producerId: id, producerEpoch: epoch, baseSequence: seq, isTransactional: tx },
  );
  return {
    bytes,
    at: 0,
    sizeInBytes: bytes.length,
    lastOffsetDelta: values.length - 1,
    maxTimestamp: timestamp,
    producerId: id,
    producerEpoch: epoch,
    baseSequence: seq,
    isTransactional: tx,
  };
}

class Store extends ProducedStore {
  commit(...commands: LogCommand[]): LogOutcome[] {
    return this.produced.commit(commands, this.nowMs);
  }

  /** The offset, with an `=` if it is a repetition; or the code. */
  send(sent: Sent): string {
    const [outcome] = this.commit({ kind: 'append', batches: [batchOf(sent)] });
    if (isFailure(outcome)) return outcome.code;
    const [admission] = outcome as { kind: string; baseOffset: number }[];
    return `${admission!.kind === 'duplicate' ? '=' : ''}${admission!.baseOffset}`;
  }

  end(id: number, epoch: number, outcome: TransactionEnd['outcome']): boolean {
    const end = { producerId: id, producerEpoch: epoch, number: 0, outcome };
    const [result] = this.commit({ kind: 'end', end, timestampMs: this.nowMs });
    return (result as { isNew: boolean }).isNew;
  }

  read(isolation: 'read_committed' | 'read_uncommitted', bytesMax = 1 << 20): string[] {
    const values: string[] = [];
    for (let offset = this.log.offsets.logStartOffset; ;) {
      const result = this.produced.read(offset, bytesMax, 1e9, isolation) as ReadResult;
      for (const record of recordsOf(result.chunks)) {
        // A marker's key is four bytes with zeroes, which no record of these tests has.
        if (record.key?.[0] !== 0 && record.offset >= offset) values.push(textOf(record.value)!);
      }
      if (result.nextOffset === offset) return values;
      offset = result.nextOffset;
    }
  }
}

it('an append that names the end of the log is refused where the log ends elsewhere', () => {
  const store = new Store();
  const append = (value: string, ifEnd: number): LogCommand => ({
    kind: 'append',
    batches: [batchOf({ id: -1, seq: -1, values: [value, value] })],
    ifEnd,
  });
  // Those that come together are decided in their order.
  const outcomes = store.commit(append('a', 0), append('b', 0), append('c', 2), append('d', 1));
  expect(outcomes.map((outcome) => (isFailure(outcome) ? outcome.code : 'stored'))).toEqual([
    'stored',
    'log_moved',
    'stored',
    'log_moved',
  ]);
  expect(store.commit(append('e', 3))[0]).toMatchObject({
    code: 'log_moved',
    details: { high_watermark: 4 },
  });
});

describe('what a partition remembers of producers', () => {
  it('is rebuilt from the log after a wake', () => {
    const store = new Store();
    expect(store.send({ id: -1, seq: -1 })).toBe('0');
    expect(store.send({ id: 5, seq: 0, values: ['a', 'b'] })).toBe('1');
    expect(store.send({ id: 6, seq: 0, tx: true })).toBe('3');
    store.open();
    expect(store.send({ id: 5, seq: 0, values: ['a', 'b'] })).toBe('=1');
    expect(store.send({ id: 5, seq: 2 })).toBe('4');
    expect(store.produced.lastStableOffset).toBe(3);
    expect(store.end(6, 1, 'commit')).toBe(true);
    store.open();
    expect(store.end(6, 1, 'commit')).toBe(false);
    expect(store.send({ id: 6, seq: 1, tx: true })).toBe('producer_fenced');
    expect(store.produced.lastStableOffset).toBe(6);
  });

  it('costs one row for the first batch, one for each 8 MiB, and none for a log without producers', () => {
    const rows = (id: number): number[] => {
      const store = new Store();
      const written: number[] = [];
      const value = 'x'.repeat(1 << 19);
      for (let seq = 0; seq < 40; seq++) {
        const before = store.sql.meter.rowsWritten;
        expect(store.send({ id, seq, values: [value] })).toBe(String(seq));
        written.push(store.sql.meter.rowsWritten - before);
      }
      return written;
    };
    expect(rows(-1).every((count) => count === 1)).toBe(true);
    const extra = rows(7).flatMap((count, index) => (count > 1 ? [index] : []));
    expect(extra).toEqual([0, 16, 32]);
    expect(SNAPSHOT_INTERVAL_BYTES).toBe(8 << 20);
  });

  it('survives retention of the segments that told it, and compaction', () => {
    const store = new Store();
    store.send({ id: 5, seq: 0, values: ['x'.repeat(40_000)], timestamp: 1 });
    store.send({ id: 5, seq: 1, values: ['x'.repeat(40_000)], timestamp: 1 });
    store.nowMs = 10_000;
    store.produced.prepareCleanUp(store.nowMs);
    store.log.retain({ retentionMs: 1_000, retentionBytes: null }, store.nowMs);
    expect(store.log.countSegments()).toBe(0);
    store.open();
    expect(store.send({ id: 5, seq: 1, values: ['x'.repeat(40_000)] })).toBe('=1');
    expect(store.send({ id: 5, seq: 2 })).toBe('2');
  });

  it('ends after seven idle days, and its row with it', () => {
    const store = new Store();
    store.send({ id: 5, seq: 0 });
    store.nowMs += PRODUCER_IDLE_MS;
    expect(store.send({ id: 5, seq: 1 })).toBe('unknown_producer');
    store.send({ id: -1, seq: -1 });
    store.produced.prepareCleanUp(store.nowMs);
    expect(store.sql.all('SELECT * FROM producers')).toEqual([]);
    expect(store.produced.producerCount).toBe(0);
  });
});

describe('a read of committed records', () => {
  it('leaves out what was aborted, also in pieces and after a wake', () => {
    const store = new Store();
    for (let n = 0; n < 50; n++) {
      store.send({ id: 1, epoch: n, seq: 0, tx: true, values: [`a${n}`] });
      store.send({ id: 2, epoch: n, seq: 0, tx: true, values: [`b${n}`] });
      store.send({ id: -1, seq: -1, values: [`p${n}`] });
      store.send({ id: 1, epoch: n, seq: 1, tx: true, values: [`a${n}'`] });
      store.end(2, n + 1, n % 3 === 0 ? 'abort' : 'commit');
      store.end(1, n + 1, n % 2 === 0 ? 'abort' : 'commit');
    }
    const expected = Array.from({ length: 50 }, (_, n) => [
      ...(n % 2 === 0 ? [] : [`a${n}`]),
      ...(n % 3 === 0 ? [] : [`b${n}`]),
      `p${n}`,
      ...(n % 2 === 0 ? [] : [`a${n}'`]),
    ]).flat();
    for (const bytesMax of [1, 500, 1 << 20])
      expect(store.read('read_committed', bytesMax)).toEqual(expected);
    store.open();
    expect(store.read('read_committed', 300)).toEqual(expected);
    expect(store.read('read_uncommitted')).toHaveLength(200);
  });

  it('notes aborted transactions with the snapshot, not one by one, and finds the others again', () => {
    const store = new Store();
    const value = 'x'.repeat(1 << 19);
    const written: number[] = [];
    const kept: string[] = [];
    for (let n = 0; n < 40; n++) {
      const isKept = n % 5 === 0;
      expect(store.send({ id: 1, epoch: n, seq: 0, tx: true, values: [`${n} ${value}`] })).toBe(`${2 * n}`);
      const before = store.sql.meter.rowsWritten;
      store.end(1, n + 1, isKept ? 'commit' : 'abort');
      written.push(store.sql.meter.rowsWritten - before);
      if (isKept) kept.push(String(n));
      if (n % 7 === 0) store.open();
      if (n % 10 === 9) {
        expect(store.read('read_committed').map((text) => text.split(' ')[0])).toEqual(kept);
      }
    }
    expect(written.filter((rows) => rows > 1).length).toBeLessThanOrEqual(3);
    store.produced.prepareCleanUp(store.nowMs);
    for (const wake of [false, true]) {
      if (wake) store.open();
      expect(store.read('read_committed').map((text) => text.split(' ')[0])).toEqual(kept);
    }
  });

  it('is the same after compaction, which keeps no aborted record for the sake of its key', () => {
    const store = new Store();
    const big = 'x'.repeat(40_000);
    store.send({ id: 1, seq: 0, tx: true, key: 'k', values: [`kept ${big}`] });
    store.end(1, 1, 'commit');
    store.send({ id: 1, epoch: 1, seq: 0, tx: true, key: 'k', values: [`lost ${big}`] });
    store.end(1, 2, 'abort');
    store.send({ id: 2, seq: 0, tx: true, key: 'k', values: [`open ${big}`] });
    store.send({ id: -1, seq: -1, key: 'z', values: [big] });
    const compact = (): void => {
      const compactor = new Compactor(
        store.log,
        { inflate: () => null, deflate: (bytes) => bytes },
        store.produced,
      );
      store.produced.prepareCleanUp(store.nowMs);
      while (compactor.runSlice({ minCleanableDirtyRatio: 0, deleteRetentionMs: 0 }, 5_000));
      store.open();
    };
    const first = (values: string[]): string[] => values.map((value) => value.slice(0, 4));
    compact();
    expect(first(store.read('read_committed'))).toEqual(['kept']);
    expect(first(store.read('read_uncommitted'))).toEqual(['kept', 'open', 'xxxx']);
    store.end(2, 1, 'commit');
    store.send({ id: -1, seq: -1, key: 'y', values: [big] });
    compact();
    expect(first(store.read('read_committed'))).toEqual(['open', 'xxxx', 'xxxx']);
    expect(store.send({ id: 2, epoch: 1, seq: 0, tx: true })).toMatch(/^\d+$/);
  });
});

/** Random work, in which each commit may fail at any statement and memory may be lost after any. */
describe('against storage that fails and memory that is lost', () => {
  const step = fc.record({
    kind: fc.constantFrom('send', 'send', 'send', 'commit', 'abort', 'plain', 'repeat'),
    id: fc.nat({ max: 2 }),
    failAt: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 })),
    reopens: fc.boolean(),
    cleans: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

  it('stores each batch once, and shows the committed ones and no others', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const store = new Store();
        const producers = [0, 1, 2].map((id) => ({
          id,
          epoch: 0,
          seq: 0,
          open: [] as string[],
          last: null as Sent | null,
        }));
        const fates = new Map<string, 'open' | 'committed' | 'aborted'>();
        const order: string[] = [];
        let names = 0;
        /** Tries with a failure first, then again until it is through, as a client does. */
        const insist = <Result>(failAt: number, reopens: boolean, run: () => Result): Result => {
          if (failAt > 0) {
            store.sql.failAfter = failAt;
            try {
              run();
            } catch (error) {
              if (!String(error).includes('as the test asked')) throw error;
            }
            store.sql.failAfter = Infinity;
          }
          if (reopens) store.open();
          return run();
        };
        for (const { kind, id, failAt, reopens, cleans } of steps) {
          const producer = producers[id]!;
          if (cleans) store.produced.prepareCleanUp(store.nowMs);
          if (kind === 'plain') {
            const name = `n${names++}`;
            store.send({ id: -1, seq: -1, values: [name] });
            fates.set(name, 'committed');
            order.push(name);
          } else if (kind === 'send') {
            const name = `n${names++}`;
            const sent: Sent = { id, epoch: producer.epoch, seq: producer.seq, tx: true, values: [name] };
            expect(insist(failAt, reopens, () => store.send(sent))).toMatch(/^=?\d+$/);
            producer.seq += 1;
            producer.open.push(name);
            producer.last = sent;
            fates.set(name, 'open');
            order.push(name);
          } else if (kind === 'repeat') {
            if (producer.last !== null) {
              const expected = producer.last.epoch === producer.epoch ? /^=\d+$/ : /^producer_fenced$/;
              expect(store.send(producer.last)).toMatch(expected);
            }
          } else {
            insist(failAt, reopens, () => store.end(id, producer.epoch + 1, kind));
            expect(store.end(id, producer.epoch + 1, kind)).toBe(false);
            for (const name of producer.open) fates.set(name, kind === 'commit' ? 'committed' : 'aborted');
            Object.assign(producer, { epoch: producer.epoch + 1, seq: 0, open: [] });
          }
        }
        expect(store.read('read_uncommitted', 400)).toEqual(order);
        const firstOpen = order.findIndex((name) => fates.get(name) === 'open');
        const stable = firstOpen < 0 ? order : order.slice(0, firstOpen);
        const committed = stable.filter((name) => fates.get(name) === 'committed');
        expect(store.read('read_committed', 400)).toEqual(committed);
        store.open();
        expect(store.read('read_committed')).toEqual(committed);
      }),
      { numRuns: 150 },
    );
  });
});
