/** What a queue remembers of its producers: what became of a publish, told again to whoever sends it again. */

import { describe, expect, it } from 'vitest';
import {
  fromStored,
  QueueProducers,
  refuseIfFull,
  toStored,
  type PublishException,
  type PublishProducer,
} from '../../../../core/queue/publish/queue-producers.ts';
import { PRODUCER_IDLE_MS } from '../../../../core/producers/sequences.ts';
import { isFailure } from '../../../../protocol/errors.ts';

const first = { id: 7, epoch: 1, sequence: 0 };
const publish = { exchange: 'x', id: 7, epoch: 1, sequence: 0, count: 6 };
const codeOf = (result: unknown): unknown => (isFailure(result) ? result.code : result);

describe('a publish to a queue', () => {
  it('that comes again is told what became of its messages', () => {
    const exceptions: PublishException[] = [
      { index: 0, outcome: 'duplicate' },
      { index: 2, outcome: 'rejected' },
      { index: 3, outcome: 'rejected' },
      { index: 9, outcome: 'duplicate' },
    ];
    const producers = new QueueProducers();
    expect(producers.judge(first, 10, 0)).toBeNull();
    producers.take(first, 10, exceptions, 0);
    expect(producers.judge(first, 10, 0)).toEqual(exceptions);
    const restored = new QueueProducers(producers.changed.map((each) => fromStored(toStored(each))));
    expect(restored.judge(first, 10, 0)).toEqual(exceptions);
  });

  it.each<[PublishProducer, number, string | null, string]>([
    [{ ...first, sequence: 10 }, 5, null, 'it follows'],
    [{ ...first, sequence: 11 }, 5, 'out_of_order_sequence', 'one is missing'],
    [{ ...first, epoch: 0 }, 10, 'producer_fenced', 'a newer one has been here'],
    [{ ...first, epoch: 2 }, 5, null, 'a newer one begins'],
    [{ ...first, id: 8, sequence: 5 }, 5, 'unknown_producer', 'nobody knows it'],
  ])('%j of %i messages after ten: %s, %s', (producer, count, expected) => {
    const producers = new QueueProducers();
    producers.take(first, 10, [], 0);
    expect(codeOf(producers.judge(producer, count, 0))).toBe(expected);
  });

  it('of a producer that was silent for a week is that of one that nobody knows', () => {
    const producers = new QueueProducers();
    producers.take(first, 10, [], 0);
    const next = { ...first, sequence: 10 };
    expect(producers.judge(next, 1, PRODUCER_IDLE_MS - 1)).toBeNull();
    expect(codeOf(producers.judge(next, 1, PRODUCER_IDLE_MS))).toBe('unknown_producer');
    expect([producers.compact(PRODUCER_IDLE_MS), producers.size]).toEqual([[], 0]);
  });
});

describe('a publish through an exchange', () => {
  it('is remembered message by message, with gaps', () => {
    const producers = new QueueProducers();
    expect(producers.judgeMessages(publish, [0, 2, 5], 0)).toEqual([null, null, null]);
    producers.takeMessages(publish, [0, 2], 0);
    const judged = producers.judgeMessages(publish, [0, 2, 5], 0) as (object | null)[];
    expect(judged.map((taken) => taken !== null)).toEqual([true, true, false]);
    producers.takeMessages(publish, [5], 0);
    const restored = new QueueProducers(producers.changed.map((each) => fromStored(toStored(each))));
    expect((restored.judgeMessages(publish, [0, 2, 5], 0) as (object | null)[]).every(Boolean)).toBe(true);
  });

  it('is told apart from a publish to the queue itself, and from that of another exchange', () => {
    const producers = new QueueProducers();
    producers.take(first, 10, [], 0);
    producers.takeMessages(publish, [0], 0);
    expect(producers.size).toBe(2);
    expect(producers.judgeMessages({ ...publish, exchange: 'y' }, [0], 0)).toEqual([null]);
  });

  it('is fenced by a higher epoch', () => {
    const producers = new QueueProducers();
    producers.takeMessages({ ...publish, epoch: 2 }, [0], 0);
    expect(codeOf(producers.judgeMessages(publish, [0], 0))).toBe('producer_fenced');
  });
});

describe('a snapshot', () => {
  it('has nothing that changed since, and the longest unheard of first', () => {
    const producers = new QueueProducers();
    producers.take({ ...first, id: 8 }, 1, [], 5);
    producers.take(first, 1, [], 2);
    expect(producers.compact(10).map(({ id }) => id)).toEqual([7, 8]);
    expect(producers.changed).toEqual([]);
    producers.take({ ...first, sequence: 1 }, 1, [], 11);
    expect(producers.changed.map(({ id }) => id)).toEqual([7]);
  });
});

it('a publish of which nothing was taken is refused', () => {
  const rejected = (index: number): PublishException => ({ index, outcome: 'rejected' });
  const full = refuseIfFull('mails', { count: 2, exceptions: [rejected(0), rejected(1)] });
  expect(full).toMatchObject({ code: 'queue_full', details: { retry_after_s: 1 } });
  expect(refuseIfFull('mails', { count: 2, exceptions: [rejected(0)] })).toBeNull();
  const duplicate: PublishException = { index: 1, outcome: 'duplicate' };
  expect(refuseIfFull('mails', { count: 2, exceptions: [rejected(0), duplicate] })).toBeNull();
});
