import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  judgeGapped,
  lastOfPart,
  partOf,
  sequencesOf,
  withPart,
  type GappedProducer,
  type PublishRange,
} from '../../../core/producers/gapped-sequences.ts';
import { isFailure } from '../../../protocol/errors.ts';

const INT32_MAX = 2 ** 31 - 1;

const range = (sequence: number, count: number, epoch = 0): PublishRange => ({
  exchange: 'events',
  id: 7,
  epoch,
  sequence,
  count,
});

/** A destination that gets some of the messages of each request. */
class Destination {
  known: GappedProducer | undefined;

  /** For each message `new` or `known`, or the code of the refusal; `roomFor` are stored of the new ones. */
  publish(request: PublishRange, sequences: number[], roomFor = Infinity): string {
    const judged = judgeGapped(this.known, request, sequences);
    if (isFailure(judged)) return judged.code;
    const fresh = sequences.filter((_, place) => judged[place] === null).slice(0, roomFor);
    if (fresh.length > 0) this.known = withPart(this.known, request, request.sequence, partOf(fresh), 0);
    return judged.map((taken) => (taken ? 'known' : 'new')).join(' ');
  }
}

describe('a part', () => {
  it('has the sequences that it was made of, whatever their gaps', () => {
    const sequences = fc
      .tuple(fc.integer({ min: 0, max: INT32_MAX - 20_000 }), fc.uniqueArray(fc.nat(9_999), { minLength: 1 }))
      .map(([base, gaps]) => gaps.map((gap) => base + gap).toSorted((a, b) => a - b));
    fc.assert(
      fc.property(sequences, (taken) => {
        const part = partOf(taken);
        expect(sequencesOf(part)).toEqual(taken);
        expect(lastOfPart(part)).toBe(taken.at(-1));
        expect(part.count).toBe(taken.length);
        expect(part.bits.length).toBeLessThanOrEqual(1_667);
      }),
    );
  });
});

describe('a destination', () => {
  it('takes the first that it sees at any sequence, and later ones across gaps', () => {
    const one = new Destination();
    expect(one.publish(range(40, 10), [41, 47])).toBe('new new');
    expect(one.publish(range(90, 10), [95])).toBe('new');
  });

  it('knows what comes again, and takes what of the last request was not here', () => {
    const one = new Destination();
    one.publish(range(0, 10), [1, 4, 7], 2);
    expect(one.publish(range(0, 10), [1, 4, 7])).toBe('known known new');
    // Its routing has changed.
    expect(one.publish(range(0, 10), [0, 4, 9])).toBe('new known new');
    expect(one.publish(range(0, 10), [0, 1, 4, 7, 9])).toBe('known known known known known');
  });

  it('refuses what comes after a later request, and never takes it for known', () => {
    const one = new Destination();
    one.publish(range(20, 10), [25]);
    expect(one.publish(range(10, 10), [15])).toBe('out_of_order_sequence');
    expect(one.publish(range(10, 10), [19])).toBe('out_of_order_sequence');
    expect(one.publish(range(30, 1), [30])).toBe('new');
  });

  it('knows requests before the last, but takes nothing more of them', () => {
    const one = new Destination();
    for (const sequence of [0, 10, 20, 30]) one.publish(range(sequence, 10), [sequence + 3, sequence + 5]);
    expect(one.publish(range(10, 10), [13, 15])).toBe('known known');
    expect(one.publish(range(10, 10), [13, 14, 15])).toBe('out_of_order_sequence');
  });

  it('refuses one that it has forgotten', () => {
    const one = new Destination();
    for (let sequence = 0; sequence < 10; sequence++) one.publish(range(sequence, 1), [sequence]);
    expect(one.publish(range(5, 1), [5])).toBe('known');
    expect(one.publish(range(4, 1), [4])).toBe('out_of_order_sequence');
  });

  it('remembers all parts of the last request, however many', () => {
    const one = new Destination();
    const request = range(0, 100);
    const all = Array.from({ length: 100 }, (_, n) => n);
    for (let taken = 0; taken < 100; taken++) {
      const expected = all.map((n) => (n < taken ? 'known' : 'new')).join(' ');
      expect(one.publish(request, all, 1)).toBe(expected);
    }
    expect(one.publish(request, all)).toBe(all.map(() => 'known').join(' '));
  });

  it('refuses a request that begins within another', () => {
    const one = new Destination();
    one.publish(range(0, 10), [0, 5, 9]);
    expect(one.publish(range(5, 10), [5, 9, 12])).toBe('out_of_order_sequence');
    expect(one.publish(range(0, 5), [0])).toBe('out_of_order_sequence');
  });

  it('begins anew in a higher epoch, and takes nothing of a lower one', () => {
    const one = new Destination();
    one.publish(range(50, 10), [55]);
    expect(one.publish(range(0, 10, 1), [5])).toBe('new');
    expect(one.publish(range(50, 10), [55])).toBe('producer_fenced');
    expect(one.publish(range(0, 10, 1), [5])).toBe('known');
  });
});

/**
 * A producer that has one request at a time under way and repeats it until it is complete, or goes on with the next epoch;
 * routing that changes between attempts; room that runs out; and copies of earlier attempts that arrive whenever.
 */
const attempts = fc.record({
  size: fc.integer({ min: 1, max: 12 }),
  tries: fc.array(
    fc.record({
      routes: fc.array(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), {
        minLength: 3,
        maxLength: 3,
      }),
      room: fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }),
      arrives: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      late: fc.nat(30),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  givesUp: fc.boolean(),
});

describe('a producer with one request at a time', () => {
  it('has each message at most once in each destination, and all that the last attempt routed there', () => {
    fc.assert(
      fc.property(fc.array(attempts, { maxLength: 12 }), (requests) => {
        const destinations = [0, 1, 2].map(() => ({ state: new Destination(), log: [] as string[] }));
        const deliver = (to: number, request: PublishRange, sequences: number[], room: number): boolean => {
          const { state, log } = destinations[to]!;
          if (sequences.length === 0) return true;
          const told = state.publish(request, sequences, room);
          if (!/new|known/.test(told)) return false;
          const fresh = sequences.filter((_, place) => told.split(' ')[place] === 'new');
          log.push(...fresh.slice(0, room).map((sequence) => `${request.epoch}/${sequence}`));
          return fresh.length <= room;
        };
        const copies: Parameters<typeof deliver>[] = [];
        let epoch = 0;
        let next = 0;
        for (const { size, tries, givesUp } of requests) {
          const request = range(next, size, epoch);
          let isComplete = false;
          for (const [nth, { routes, room, arrives, late }] of tries.entries()) {
            if (copies.length > 0) deliver(...copies[late % copies.length]!);
            const isLast = nth === tries.length - 1 && !givesUp;
            const routed = routes.map((route) =>
              Array.from({ length: size }, (_, place) => next + place).filter((_, place) => route[place]),
            );
            const done = routed.map((sequences, to) => {
              copies.push([to, request, sequences, 12]);
              return (isLast || arrives[to]!) && deliver(to, request, sequences, isLast ? 12 : room[to]!);
            });
            isComplete = done.every(Boolean);
            if (!isComplete) {
              expect(isLast).toBe(false);
              continue;
            }
            for (const [to, sequences] of routed.entries())
              for (const sequence of sequences)
                expect(destinations[to]!.log).toContain(`${epoch}/${sequence}`);
            break;
          }
          next += size;
          if (isComplete) continue;
          epoch += 1;
          next = 0;
        }
        for (const { log } of destinations) expect(new Set(log).size).toBe(log.length);
      }),
      { numRuns: 100 },
    );
  });
});
