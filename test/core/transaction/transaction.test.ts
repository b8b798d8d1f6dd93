import { describe, expect, it } from 'vitest';
import {
  ProducerStates,
  type SequencedBatch,
  type TransactionEnd,
} from '../../../core/log/producer-state.ts';
import {
  addParts,
  checkResumed,
  end,
  endOf,
  expire,
  initialise,
  completed,
  type Identity,
  type Outcome,
  type Transaction,
  TRANSACTION_NUMBER_MAX,
} from '../../../core/transaction/transaction.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { PRODUCER_EPOCH_MAX, TRANSACTION_PARTITIONS_MAX } from '../../../protocol/limits.ts';

type State = Transaction<string>;

const ID = 'orders-1';
const NEW = initialise<string>(null, ID, 60_000, 7);
const first: Identity = { id: 7, epoch: 0 };

function ok(decision: ReturnType<typeof addParts<string>>): State {
  if (isFailure(decision)) throw new Error(decision.message);
  return decision;
}

const open = ok(addParts(NEW, ID, first, { a: 'a', b: 'b' }, 1_000));

describe('a transaction', () => {
  it('opens with its first partition and is written only when partitions are new', () => {
    expect(open).toMatchObject({ phase: 'open', startedMs: 1_000, epoch: 0 });
    expect(addParts(open, ID, first, { b: 'b' }, 2_000)).toBe(open);
    expect(addParts(open, ID, first, { c: 'c' }, 2_000)).toMatchObject({ startedMs: 1_000 });
  });

  it('ends once; who asks again hears the same, who asks for the opposite is told', () => {
    const ending = ok(end(open, ID, first, 'commit'));
    expect(ending).toMatchObject({ phase: 'ending', epoch: 1, last: { outcome: 'commit', reason: 'asked' } });
    expect(end(ending, ID, first, 'commit')).toBe(ending);
    expect(end(ending, ID, first, 'abort')).toMatchObject({ code: 'transaction_committed' });
    expect(addParts(ending, ID, { id: 7, epoch: 1 }, { a: 'a' }, 0)).toMatchObject({
      code: 'transaction_in_progress',
    });
    const done = completed(ending);
    expect(end(done, ID, first, 'commit')).toBe(done);
    expect(addParts(done, ID, first, { a: 'a' }, 0)).toMatchObject({ code: 'producer_fenced' });
    expect(addParts(done, ID, { id: 7, epoch: 1 }, { a: 'a' }, 0)).toMatchObject({ phase: 'open' });
  });

  it('that is empty is committed without a change', () => {
    expect(end(NEW, ID, first, 'commit')).toBe(NEW);
  });

  it('that is empty is aborted by the next epoch: something of it may still be on its way', () => {
    const aborted = ok(end(NEW, ID, first, 'abort'));
    expect(aborted).toMatchObject({ phase: 'empty', epoch: 1, last: { outcome: 'abort', reason: 'asked' } });
    expect(end(aborted, ID, first, 'abort'), 'once only').toBe(aborted);
    expect(addParts(aborted, ID, first, { a: 'a' }, 0)).toMatchObject({ code: 'producer_fenced' });
    const second = ok(addParts(aborted, ID, { id: 7, epoch: 1 }, { a: 'a' }, 0));
    expect(addParts(second, ID, first, { b: 'b' }, 0)).toMatchObject({ code: 'producer_fenced' });
    expect(end(second, ID, { id: 7, epoch: 1 }, 'commit')).toMatchObject({ epoch: 2 });
  });

  it('that is empty is not aborted while the one before it is still ending', () => {
    const ending = ok(end(open, ID, first, 'commit'));
    const next: Identity = { id: 7, epoch: 1 };
    expect(end(ending, ID, next, 'abort')).toMatchObject({ code: 'transaction_in_progress' });
    expect(end(ending, ID, next, 'commit')).toBe(ending);
    expect(end(completed(ending), ID, next, 'abort')).toMatchObject({ phase: 'empty', epoch: 2 });
  });

  it('is aborted when its time is over, and the commit that comes late is told so', () => {
    expect(expire(open, 60_999)).toBe(open);
    const over = completed(expire(open, 61_000));
    expect(over).toMatchObject({ phase: 'empty', epoch: 1, last: { outcome: 'abort', reason: 'timeout' } });
    expect(end(over, ID, first, 'commit')).toMatchObject({ code: 'transaction_aborted' });
    expect(end(over, ID, first, 'abort')).toBe(over);
    expect(addParts(over, ID, first, { a: 'a' }, 0)).toMatchObject({ code: 'producer_fenced' });
  });

  it('is aborted by a new instance, which fences the old one', () => {
    const ending = initialise(open, ID, 60_000, 99);
    expect(ending).toMatchObject({ phase: 'ending', last: { outcome: 'abort', reason: 'superseded' } });
    expect(initialise(ending, ID, 60_000, 99)).toBe(ending);
    const second = initialise(completed(ending), ID, 60_000, 99);
    expect(second).toMatchObject({ phase: 'empty', producerId: 7, epoch: 2 });
    for (const decision of [
      end(completed(ending), ID, first, 'commit'),
      end(second, ID, first, 'commit'),
      end(second, ID, first, 'abort'),
      addParts(second, ID, first, { a: 'a' }, 0),
    ]) {
      expect(decision).toMatchObject({ code: 'producer_fenced' });
    }
  });

  it('gets a new producer id when the epochs are used up', () => {
    const last: State = { ...NEW, epoch: PRODUCER_EPOCH_MAX };
    const opened = ok(addParts(last, ID, { id: 7, epoch: PRODUCER_EPOCH_MAX }, { a: 'a' }, 0));
    const done = completed(ok(end(opened, ID, { id: 7, epoch: PRODUCER_EPOCH_MAX }, 'commit')));
    const used = { id: 7, epoch: PRODUCER_EPOCH_MAX + 1 };
    expect(addParts(done, ID, used, { a: 'a' }, 0)).toMatchObject({ code: 'producer_fenced' });
    expect(initialise(done, ID, 60_000, 99)).toMatchObject({ producerId: 99, epoch: 0 });
  });

  it('is unknown before its first instance, and has a limit', () => {
    expect(addParts<string>(null, ID, first, {}, 0)).toMatchObject({ code: 'transaction_not_found' });
    expect(end<string>(null, ID, first, 'commit')).toMatchObject({ code: 'transaction_not_found' });
    const many = Object.fromEntries(
      Array.from({ length: TRANSACTION_PARTITIONS_MAX + 1 }, (_, i) => [i, 'x']),
    );
    expect(addParts(NEW, ID, first, many, 0)).toMatchObject({ code: 'transaction_too_large' });
  });
});

describe('a producer that keeps its epoch', () => {
  const isFenced = { code: 'producer_fenced' };
  const kept = (state: State, outcome: Outcome = 'commit'): State => ok(end(state, ID, first, outcome, true));

  it('has numbered transactions in one epoch', () => {
    const ending = kept(open);
    expect(endOf(ending)).toEqual({ producerId: 7, producerEpoch: 0, number: 1, outcome: 'commit' });
    expect(addParts(ending, ID, first, { a: 'a' }, 0)).toMatchObject({ code: 'transaction_in_progress' });
    const second = ok(addParts(completed(ending), ID, first, { a: 'a' }, 0));
    expect(second).toMatchObject({ phase: 'open', epoch: 0, number: 2 });
  });

  it('hears the same when it ends its transaction again, and not what was before when the next is open', () => {
    const done = completed(kept(open, 'abort'));
    expect(end(done, ID, first, 'abort', true)).toBe(done);
    expect(end(done, ID, first, 'commit', true)).toMatchObject({ code: 'transaction_aborted' });
    const second = ok(addParts(done, ID, first, {}, 0));
    expect(kept(second)).toMatchObject({ phase: 'ending', number: 2, last: { outcome: 'commit' } });
  });

  it('loses its epoch by a timeout and when the numbers are used up', () => {
    expect(endOf(expire(open, 61_000))).toMatchObject({ producerEpoch: 1, number: 0, outcome: 'abort' });
    const last = { ...open, number: TRANSACTION_NUMBER_MAX };
    expect(kept(last)).toMatchObject({ epoch: 1, number: 0, last: { outcome: 'commit' } });
  });

  it.each<[string, State, Identity, ReturnType<typeof checkResumed> | { code: string }]>([
    ['with an open transaction', open, first, 'admitted'],
    ['whose transaction timed out', completed(expire(open, 61_000)), first, 'admitted'],
    ['whose transaction a new instance aborted', completed(initialise(open, ID, 1_000, 9)), first, isFenced],
    ['that was replaced', initialise(completed(kept(open)), ID, 1_000, 9), first, isFenced],
    ['with another id', open, { id: 8, epoch: 0 }, isFenced],
    ['that has it', initialise(completed(kept(open)), ID, 1_000, 9, first), first, 'repeated'],
  ])('goes on with the next epoch, if it is one %s: %#', (_, state, identity, outcome) => {
    const checked = checkResumed(state, ID, identity);
    if (typeof outcome === 'string') expect(checked).toBe(outcome);
    else expect(checked).toMatchObject(outcome);
  });
});

/** A partition: what is in it by transaction, and its producers. */
class FakePartition {
  readonly states = new ProducerStates();
  readonly records: { offset: number; value: string }[] = [];
  readonly ends: { from: number; offset: number; outcome: Outcome }[] = [];
  next = 0;

  append(identity: Identity, number: number, sequence: number, value: string): string | null {
    const batch: SequencedBatch = {
      producerId: identity.id,
      producerEpoch: identity.epoch,
      baseSequence: sequence,
      isTransactional: true,
      lastOffsetDelta: 0,
      maxTimestamp: 0,
    };
    const staged = this.states.stage(0);
    const result = staged.admit([batch], this.next, number);
    if (isFailure(result)) return result.code;
    if (result[0]!.kind === 'new') this.records.push({ offset: this.next++, value });
    staged.apply();
    return null;
  }

  mark(end: TransactionEnd): void {
    const { outcome } = end;
    const staged = this.states.stage(0);
    const ended = staged.end(end);
    if (ended === null) return;
    if (ended.firstOffset >= 0) this.ends.push({ from: ended.firstOffset, offset: this.next, outcome });
    this.next++;
    staged.apply();
  }

  /** What a reader of committed records sees. */
  get committed(): string[] {
    const stable = this.states.firstOpenOffset ?? this.next;
    return this.records
      .filter(({ offset }) => offset < stable)
      .filter(
        ({ offset }) => this.ends.find((e) => e.from <= offset && offset < e.offset)?.outcome === 'commit',
      )
      .map(({ value }) => value);
  }
}

/**
 * The protocol with a crash between any two steps: a coordinator that keeps only what it has written, two partitions, and
 * a client that either sends its last request again or is replaced by a new instance.
 */
class Run {
  readonly a = new FakePartition();
  readonly b = new FakePartition();
  disk: State | null = null;
  memory: State | null = null;
  stepsLeft: number;

  readonly keepsEpoch: boolean;

  constructor(crashAfter: number, keepsEpoch: boolean) {
    this.stepsLeft = crashAfter;
    this.keepsEpoch = keepsEpoch;
  }

  step(): void {
    if (this.stepsLeft-- === 0) throw new Crash();
  }

  save(state: State): void {
    if (state === this.memory) return;
    this.step();
    this.disk = this.memory = state;
    this.step();
  }

  settle(): void {
    if (this.memory?.phase !== 'ending') return;
    for (const name of Object.keys(this.memory.parts) as ('a' | 'b')[]) {
      this.step();
      this[name].mark(endOf(this.memory));
    }
    this.step();
    this.memory = completed(this.memory);
  }

  init(): Identity {
    for (;;) {
      this.settle();
      this.save(initialise(this.memory, ID, 60_000, 7));
      if (this.memory!.phase === 'empty') return { id: this.memory!.producerId, epoch: this.memory!.epoch };
    }
  }

  resume(identity: Identity): Identity {
    expect(checkResumed(this.memory, ID, identity)).toBe('admitted');
    this.save(initialise(this.memory, ID, 60_000, 7, identity));
    expect(checkResumed(this.memory, ID, identity)).toBe('repeated');
    return { id: this.memory!.producerId, epoch: this.memory!.epoch };
  }

  produce(identity: Identity, name: 'a' | 'b', sequence: number, value: string): void {
    this.settle();
    this.save(ok(addParts(this.memory, ID, identity, { [name]: name }, 0)));
    this.step();
    const refused = this[name].append(identity, this.memory!.number, sequence, value);
    if (refused !== null) throw new Error(refused);
    this.step();
  }

  end(identity: Identity, outcome: Outcome): Identity {
    const next = end(this.memory, ID, identity, outcome, this.keepsEpoch);
    if (isFailure(next)) throw new Error(next.code);
    this.save(next);
    this.settle();
    return { id: next.producerId, epoch: next.epoch };
  }

  restart(): void {
    this.memory = this.disk;
    this.stepsLeft = Infinity;
    this.settle();
  }
}

class Crash extends Error {}

describe.each([
  ['commit', false],
  ['abort', false],
  ['commit', true],
  ['abort', true],
] as const)('a transaction that ends by %s (its epoch is kept: %s)', (outcome, keepsEpoch) => {
  /** Two transactions, each of a record to both partitions. Returns which were decided as far as the client knows. */
  function work(
    run: Run,
    known: { ended: number; identity: Identity | null; ending: Identity | null },
  ): void {
    known.identity ??= run.init();
    for (let n = known.ended; n < 2; n++) {
      const sequence = keepsEpoch ? n : 0;
      run.produce(known.identity, 'a', sequence, `a${n}`);
      run.produce(known.identity, 'b', sequence, `b${n}`);
      known.ending = known.identity;
      known.identity = run.end(known.identity, outcome);
      known.ending = null;
      known.ended = n + 1;
    }
  }

  const atomic = (run: Run): void => {
    expect(run.a.committed.map((value) => value.slice(1))).toEqual(
      run.b.committed.map((value) => value.slice(1)),
    );
    expect(new Set(run.a.committed).size).toBe(run.a.committed.length);
  };

  let crashes = 0;
  it.each(['sends again', 'is replaced'] as const)(
    'is whole wherever the coordinator crashes, and the client %s',
    (then) => {
      for (let crashAfter = 0; ; crashAfter++) {
        const run = new Run(crashAfter, keepsEpoch);
        const known = { ended: 0, identity: null as Identity | null, ending: null as Identity | null };
        try {
          work(run, known);
          break;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
        }
        crashes += 1;
        run.restart();
        if (then === 'sends again') {
          if (known.ending !== null) {
            known.identity = run.end(known.ending, outcome);
            known.ended += 1;
          }
          work(run, known);
          expect(run.a.committed).toEqual(outcome === 'commit' ? ['a0', 'a1'] : []);
        } else {
          const mayHaveEnded = known.ending !== null ? 1 : 0;
          run.init();
          const committed = run.a.committed.length;
          const told = outcome === 'commit' ? known.ended : 0;
          expect(committed).toBeGreaterThanOrEqual(told);
          expect(committed).toBeLessThanOrEqual(outcome === 'commit' ? told + mayHaveEnded : 0);
          expect(run.a.states.firstOpenOffset).toBeNull();
          expect(run.b.states.firstOpenOffset).toBeNull();
        }
        atomic(run);
      }
      expect(crashes).toBeGreaterThan(15);
    },
  );

  it('is not touched by markers that come again later', () => {
    const run = new Run(Infinity, keepsEpoch);
    const known = { ended: 0, identity: null as Identity | null, ending: null as Identity | null };
    known.identity = run.init();
    run.produce(known.identity, 'a', 0, 'a0');
    const ending = known.identity;
    const next = run.end(ending, outcome);
    const marker = endOf(run.memory!);
    run.produce(next, 'a', keepsEpoch ? 1 : 0, 'a1');
    run.a.mark({ ...marker, outcome: outcome === 'commit' ? 'abort' : 'commit' });
    run.a.mark(marker);
    run.end(next, 'commit');
    expect(run.a.committed).toEqual(outcome === 'commit' ? ['a0', 'a1'] : ['a1']);
  });

  it('takes nothing from one that was given up before it, however late that arrives', () => {
    const run = new Run(Infinity, keepsEpoch);
    const given = run.init();
    const next = keepsEpoch ? run.resume(given) : run.end(given, 'abort'); // of what was sent nothing has arrived, as far as the client knows
    run.produce(next, 'a', 0, 'a1');
    expect(() => run.produce(given, 'b', 0, 'late')).toThrow('not that of transactional id');
    expect(() => run.produce(given, 'a', 0, 'late')).toThrow('not that of transactional id');
    run.end(next, outcome);
    expect(run.a.committed).toEqual(outcome === 'commit' ? ['a1'] : []);
    expect(run.b.records).toEqual([]);
  });
});
