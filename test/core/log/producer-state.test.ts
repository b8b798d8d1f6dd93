import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProducerStates, type Admission, type SequencedBatch } from '../../../core/log/producer-state.ts';
import { PRODUCER_IDLE_MS, PRODUCERS_MAX, sequenceAfter } from '../../../core/producers/sequences.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';

const INT32_MAX = 2 ** 31 - 1;

interface Sent {
  /** Of its transaction in the epoch. */
  number?: number;
  epoch?: number;
  seq: number;
  count?: number;
  id?: number;
  tx?: boolean;
}

function batchOf({ epoch = 0, seq, count = 1, id = 7, tx = false }: Sent): SequencedBatch {
  return {
    producerId: id,
    producerEpoch: epoch,
    baseSequence: seq,
    isTransactional: tx,
    lastOffsetDelta: count - 1,
    maxTimestamp: 1_000,
  };
}

/** A log of which only the offsets are kept. */
class Log {
  readonly states = new ProducerStates();
  nextOffset = 100;
  nowMs = 0;

  send(...batches: Sent[]): Admission[] | Failure {
    const staged = this.states.stage(this.nowMs);
    const result = staged.admit(batches.map(batchOf), this.nextOffset, batches[0]!.number);
    if (isFailure(result)) return result;
    result.forEach(({ kind }, i) => (this.nextOffset += kind === 'new' ? (batches[i]!.count ?? 1) : 0));
    staged.apply();
    return result;
  }

  /** What became of a single batch: `new`, `duplicate of <offset>`, or the code of the refusal. */
  say(batch: Sent): string {
    const result = this.send(batch);
    if (isFailure(result)) return result.code;
    const [admission] = result;
    return admission!.kind === 'new' ? 'new' : `duplicate of ${admission!.baseOffset}`;
  }

  /** @param number of a transaction whose producer keeps the epoch */
  end(epoch: number, outcome: 'commit' | 'abort', id = 7, number = 0): { firstOffset: number } | null {
    const staged = this.states.stage(this.nowMs);
    const result = staged.end({ producerId: id, producerEpoch: epoch, number, outcome });
    if (result !== null) this.nextOffset += 1;
    staged.apply();
    return result;
  }
}

describe('a batch of a producer', () => {
  it.each<{ name: string; before: Sent[]; batch: Sent; says: string }>([
    { name: 'begins at 0', before: [], batch: { seq: 0 }, says: 'new' },
    { name: 'begins at 0 only', before: [], batch: { seq: 5 }, says: 'unknown_producer' },
    { name: 'begins in any epoch', before: [], batch: { seq: 0, epoch: 9 }, says: 'new' },
    { name: 'follows', before: [{ seq: 0, count: 3 }], batch: { seq: 3 }, says: 'new' },
    {
      name: 'is stored once',
      before: [{ seq: 0, count: 3 }],
      batch: { seq: 0, count: 3 },
      says: 'duplicate of 100',
    },
    { name: 'leaves no gap', before: [{ seq: 0 }], batch: { seq: 2 }, says: 'out_of_order_sequence' },
    {
      name: 'of another length is another batch',
      before: [{ seq: 0, count: 3 }],
      batch: { seq: 0, count: 2 },
      says: 'out_of_order_sequence',
    },
    {
      name: 'is known among the last five',
      before: [0, 1, 2, 3, 4].map((seq) => ({ seq })),
      batch: { seq: 0 },
      says: 'duplicate of 100',
    },
    {
      name: 'is refused when it is older than the last five',
      before: [0, 1, 2, 3, 4, 5].map((seq) => ({ seq })),
      batch: { seq: 0 },
      says: 'out_of_order_sequence',
    },
    {
      name: 'of an older epoch is fenced',
      before: [{ seq: 0, epoch: 2 }],
      batch: { seq: 1, epoch: 1 },
      says: 'producer_fenced',
    },
    {
      name: 'of a new epoch begins at 0',
      before: [{ seq: 0 }],
      batch: { seq: 1, epoch: 1 },
      says: 'out_of_order_sequence',
    },
    {
      name: 'of a new epoch at 0 is no duplicate',
      before: [{ seq: 0 }],
      batch: { seq: 0, epoch: 1 },
      says: 'new',
    },
    { name: 'of another producer is its own', before: [{ seq: 0 }], batch: { seq: 0, id: 8 }, says: 'new' },
    { name: 'of none is always taken', before: [], batch: { seq: -1, epoch: -1, id: -1 }, says: 'new' },
    {
      name: 'of an open transaction belongs to it',
      before: [{ seq: 0, tx: true }],
      batch: { seq: 1 },
      says: 'invalid_batch',
    },
    {
      name: 'of the next transaction waits for the marker',
      before: [{ seq: 0, tx: true }],
      batch: { seq: 0, epoch: 1, tx: true },
      says: 'transaction_in_progress',
    },
  ])('$name', ({ before, batch, says }) => {
    const log = new Log();
    for (const sent of before) expect(log.say(sent)).toBe('new');
    expect(log.say(batch)).toBe(says);
  });

  it('has sequences that go on at 0 after the last int32', () => {
    const log = new Log();
    // As after 2^31 - 2 records: the state is what a log would have replayed.
    const old = { ...batchOf({ seq: INT32_MAX - 2, count: 2 }), baseOffset: 0, isControl: false };
    log.states.replay(old, 0);
    expect(log.say({ seq: INT32_MAX, count: 3 })).toBe('new');
    expect(log.say({ seq: INT32_MAX, count: 3 })).toBe('duplicate of 100');
    expect(log.say({ seq: 2 })).toBe('new');
    expect(sequenceAfter(INT32_MAX, 1)).toBe(0);
  });

  it('is taken with all of its request or not at all', () => {
    const log = new Log();
    expect(log.send({ seq: 0 }, { seq: 2 })).toMatchObject({ code: 'out_of_order_sequence' });
    expect(log.nextOffset).toBe(100);
    expect(log.say({ seq: 0 })).toBe('new');
    expect(log.send({ seq: 0 }, { seq: 1 })).toEqual([
      { kind: 'duplicate', baseOffset: 100, maxTimestamp: 1_000 },
      { kind: 'new', baseOffset: 101 },
    ]);
  });

  it('is known when its other copy is committed with it', () => {
    const staged = new ProducerStates().stage(0);
    expect(staged.admit([batchOf({ seq: 0 })], 5)).toEqual([{ kind: 'new', baseOffset: 5 }]);
    expect(staged.admit([batchOf({ seq: 0 })], 6)).toMatchObject([{ kind: 'duplicate', baseOffset: 5 }]);
  });
});

describe('a producer', () => {
  it('is forgotten after seven idle days, not with an open transaction', () => {
    const log = new Log();
    log.say({ seq: 0 });
    log.say({ seq: 0, id: 8, tx: true });
    log.nowMs = PRODUCER_IDLE_MS;
    expect(log.say({ seq: 1 })).toBe('unknown_producer');
    expect(log.say({ seq: 1, id: 8, tx: true })).toBe('new');
    expect(log.say({ seq: 0 })).toBe('new');
    log.nowMs *= 3;
    expect(log.states.alive(log.nowMs).map(({ id }) => id)).toEqual([8]);
  });

  it('makes room for others when there are too many, the longest idle first', () => {
    const log = new Log();
    log.say({ seq: 0, id: 0, tx: true });
    for (let id = 1; id < PRODUCERS_MAX + 5; id++) {
      log.nowMs = id;
      log.say({ seq: 0, id });
    }
    const ids = log.states.alive(log.nowMs).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual([0, 6, 7]);
    expect(ids).toHaveLength(PRODUCERS_MAX);
  });
});

describe('the end of a transaction', () => {
  it('is written once, whatever comes twice, and fences what comes late', () => {
    const log = new Log();
    log.say({ seq: 0, count: 5, tx: true });
    expect(log.states.firstOpenOffset).toBe(100);
    expect(log.end(1, 'commit')).toEqual({ firstOffset: 100 });
    expect(log.end(1, 'commit')).toBeNull();
    expect(log.states.firstOpenOffset).toBeNull();
    expect(log.say({ seq: 5, tx: true })).toBe('producer_fenced');
    expect(log.say({ seq: 0, epoch: 1, tx: true })).toBe('new');
    expect(log.end(1, 'abort')).toBeNull(); // late, and of the transaction before
    expect(log.states.firstOpenOffset).toBe(106);
  });

  it('is written where nothing of it arrived, so that nothing can any more', () => {
    const log = new Log();
    expect(log.end(4, 'abort')).toEqual({ firstOffset: -1 });
    expect(log.say({ seq: 0, epoch: 3, tx: true })).toBe('producer_fenced');
  });
});

describe('the end of a transaction whose producer keeps its epoch', () => {
  it('is written once, fences what comes late, and leaves the sequences', () => {
    const log = new Log();
    log.say({ seq: 0, count: 5, tx: true, number: 1 });
    expect(log.end(0, 'abort', 7, 1)).toEqual({ firstOffset: 100 });
    expect(log.end(0, 'abort', 7, 1)).toBeNull();
    expect(log.say({ seq: 5, tx: true, number: 1 }), 'late').toBe('producer_fenced');
    expect(log.say({ seq: 0, count: 5, tx: true, number: 2 }), 'again').toBe('duplicate of 100');
    expect(log.say({ seq: 5, tx: true, number: 2 })).toBe('new');
    expect(log.end(0, 'commit', 7, 1), 'late').toBeNull();
    expect(log.states.firstOpenOffset).toBe(106);
    expect(log.end(1, 'abort'), 'its time is over').toEqual({ firstOffset: 106 });
    expect(log.say({ seq: 6, tx: true, number: 3 })).toBe('producer_fenced');
    expect(log.say({ seq: 0, epoch: 1, tx: true, number: 1 })).toBe('new');
  });

  it('is the same when the log is read again', () => {
    const states = new ProducerStates();
    const batch = { producerId: 7, producerEpoch: 0, baseSequence: 0, lastOffsetDelta: 1, maxTimestamp: 0 };
    states.replay({ ...batch, isTransactional: true, baseOffset: 10 }, 0);
    states.replayEnd({ producerId: 7, producerEpoch: 0, number: 4 }, 0);
    expect(states.get(7)).toMatchObject({
      endedNumber: 4,
      transactionStart: null,
      batches: [{ sequence: 0 }],
    });
    states.replayEnd({ producerId: 7, producerEpoch: 1, number: 0 }, 0);
    expect(states.get(7)).toEqual({ id: 7, epoch: 1, batches: [], transactionStart: null, lastMs: 0 });
  });
});

/** A client that sends what it has not been told of again, over a network that loses requests and replies and copies both. */
describe('against a network that loses and repeats', () => {
  const step = fc.record({
    producer: fc.nat({ max: 2 }),
    count: fc.integer({ min: 1, max: 4 }),
    fate: fc.constantFrom('arrives', 'request lost', 'reply lost', 'arrives twice', 'comes late'),
    restart: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

  it('stores each batch exactly once, at the offset that is answered', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let log = new Log();
        const stored: { key: string; offset: number }[] = [];
        const header: (SequencedBatch & { isControl: boolean; baseOffset: number })[] = [];
        const next = [0, 0, 0];
        const late: { sent: Sent; key: string; offset: number }[] = [];
        const deliver = (sent: Sent, key: string): number => {
          const result = log.send(sent);
          if (isFailure(result)) throw new Error(`${key}: ${result.message}`);
          const [admission] = result;
          if (admission!.kind === 'new') {
            stored.push({ key, offset: admission!.baseOffset });
            header.push({ ...batchOf(sent), isControl: false, baseOffset: admission!.baseOffset });
          }
          return admission!.baseOffset;
        };
        for (const { producer, count, fate, restart } of steps) {
          if (restart) {
            const replayed = new Log();
            for (const batch of header) replayed.states.replay(batch, 0);
            replayed.nextOffset = log.nextOffset;
            log = replayed;
          }
          const sent: Sent = { id: producer, seq: next[producer]!, count };
          const key = `${producer}/${sent.seq}`;
          if (fate === 'reply lost' || fate === 'arrives twice') deliver(sent, key);
          const answered = deliver(sent, key);
          expect(stored.find((batch) => batch.key === key)!.offset).toBe(answered);
          next[producer]! += count;
          if (fate === 'comes late') late.push({ sent, key, offset: answered });
          for (const old of late.splice(0, fate === 'arrives' ? 1 : 0)) {
            const result = log.send(old.sent);
            // It is still known, or it is refused: never stored again.
            if (!isFailure(result))
              expect(result).toMatchObject([{ kind: 'duplicate', baseOffset: old.offset }]);
            else expect(result.code).toBe('out_of_order_sequence');
          }
        }
        expect(new Set(stored.map(({ key }) => key)).size).toBe(stored.length);
      }),
    );
  });
});
