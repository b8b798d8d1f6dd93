/** What goes at once, what shares a batch, and what waits for what: without a broker, and without waiting for time. */

import { describe, expect, it } from 'vitest';
import { numbers } from '../harness.ts';
import { heldBroker, timers, turns } from '../client/held-fetch.ts';

const texts = (from: number, to: number): string[] => numbers(to - from, from).map((n) => `m${n}`);

describe('a publisher', () => {
  it('sends a message that is alone without waiting for time', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher();
    const confirmed = publisher.sendToQueue('q', { body: 'm0' });
    await turns();
    expect(held.map(({ values }) => values)).toEqual([['"m0"']]);
    answer();
    await expect(confirmed).resolves.toMatchObject({ outcome: 'stored' });
    await publisher.close();
  });

  it('puts what is published in one turn into one batch, also by a loop that awaits', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher();
    const all = [publisher.sendToQueue('q', { body: 'm0' })];
    for (let i = 1; i < 300; i++) {
      all.push(publisher.sendToQueue('q', { body: `m${i}` }));
      await publisher.ready();
    }
    await turns();
    expect(held.map(({ values }) => values.length)).toEqual([300]);
    answer();
    await Promise.all(all);
    await publisher.close();
  });

  it('gathers while a batch is under way, keeps the order, and has one under way for each destination', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher();
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 5; i++) {
      all.push(publisher.sendToQueue('q', { body: `m${i}` }));
      await turns(2);
    }
    all.push(publisher.sendToQueue('other', { body: 'else' }));
    await turns();
    expect(held.map(({ values }) => values)).toEqual([['"m0"'], ['"else"']]);
    answer();
    await turns();
    expect(held.map(({ values }) => values)).toEqual([['"else"'], texts(1, 5).map((text) => `"${text}"`)]);
    answer();
    answer();
    await Promise.all(all);
    await publisher.close();
  });

  it('has no more than maxInFlight under way', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher({ maxInFlight: 2 });
    const all = numbers(5).map((n) => publisher.sendToQueue(`q${n}`, { body: n }));
    await turns();
    for (let left = 5; left > 0; left--) {
      expect(held.length).toBe(Math.min(2, left));
      answer();
      await turns();
    }
    await Promise.all(all);
    await publisher.close();
  });

  it('sends again what failed before what has gathered since', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher();
    const all = [publisher.sendToQueue('q', { body: 'm0' })];
    await turns();
    all.push(publisher.sendToQueue('q', { body: 'm1' }));
    held[0]!.fail();
    while (held.length === 0) await turns(1);
    expect(held.map(({ values }) => values)).toEqual([['"m0"']]);
    answer();
    await turns();
    expect(held.map(({ values }) => values)).toEqual([['"m1"']]);
    answer();
    await Promise.all(all);
    await publisher.close();
  });

  it('settles every promise when it is closed or aborted, and leaves no timer behind', async () => {
    const before = timers();
    const { posthorn, held, answer } = heldBroker();
    const controller = new AbortController();
    const publisher = posthorn.publisher({ signal: controller.signal });
    const first = publisher.sendToQueue('q', { body: 'm0' });
    await turns();
    const second = publisher.sendToQueue('q', { body: 'm1' });
    const closed = publisher.close();
    await expect(publisher.sendToQueue('q', { body: 'm2' })).rejects.toMatchObject({ code: 'closed' });
    answer();
    await first;
    await turns();
    expect(held.length).toBe(1);
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'aborted' });
    await closed;
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('keeps to lingerMs if it is asked to', async () => {
    const { posthorn, held, answer } = heldBroker();
    const publisher = posthorn.publisher({ lingerMs: 60_000 });
    const all = [publisher.sendToQueue('q', { body: 'm0' })];
    await turns();
    all.push(publisher.sendToQueue('q', { body: 'm1' }));
    await turns();
    expect(held.length).toBe(0);
    const flushed = publisher.flush();
    await turns();
    expect(held.map(({ values }) => values.length)).toEqual([2]);
    answer();
    await Promise.all([...all, flushed]);
    await publisher.close();
  });
});

describe('a producer', () => {
  it('sends a record that is alone without waiting for time, and has no timer when it is idle', async () => {
    const before = timers();
    const { posthorn, held, answer } = heldBroker();
    const producer = posthorn.producer();
    for (const text of texts(0, 3)) {
      const stored = producer.send('t', { value: text });
      await turns();
      expect(held.map(({ values }) => values)).toEqual([[`"${text}"`]]);
      answer();
      await stored;
    }
    expect(timers()).toBeLessThanOrEqual(before);
    await producer.close();
  });

  it('sends records with keys at once if their partition is free, and gathers them if it is not', async () => {
    const { posthorn, held, answer } = heldBroker(2);
    const producer = posthorn.producer();
    const all: Promise<unknown>[] = [];
    const send = async (partition: number, value: string): Promise<void> => {
      all.push(producer.send('t', { partition, value }));
      await turns();
    };
    await send(0, 'a');
    await send(0, 'b');
    await send(1, 'c');
    await send(0, 'd');
    expect(held.map(({ partitions, values }) => [partitions, values])).toEqual([
      [[0], ['"a"']],
      [[1], ['"c"']],
    ]);
    answer();
    await turns();
    expect(held.map(({ partitions, values }) => [partitions, values])).toEqual([
      [[1], ['"c"']],
      [[0], ['"b"', '"d"']],
    ]);
    answer();
    answer();
    await Promise.all(all);
    await producer.close();
  });

  it('gathers records that may go anywhere while such records are under way, to go elsewhere with the answer', async () => {
    const { posthorn, held, answer } = heldBroker(8);
    const producer = posthorn.producer();
    const all = [producer.send('t', { value: 'm0' })];
    await turns();
    for (const value of texts(1, 20)) all.push(producer.send('t', { value }));
    await turns(1);
    const [first] = held;
    expect(first!.values).toEqual(['"m0"']);
    answer();
    await turns();
    expect(held.map(({ values }) => values.length)).toEqual([19]);
    expect(held[0]!.partitions).not.toEqual(first!.partitions);
    answer();
    await Promise.all(all);
    await producer.close();
  });

  it('does not let a request that hangs hold up the other partitions', async () => {
    const before = timers();
    const { posthorn, held, answer } = heldBroker(8);
    const producer = posthorn.producer();
    const hanging = producer.send('t', { value: 'm0' });
    await turns();
    const next = producer.send('t', { value: 'm1' });
    while (held.length < 2) await turns(1);
    expect(held.map(({ values }) => values)).toEqual([['"m0"'], ['"m1"']]);
    held[1]!.answer();
    await next;
    answer();
    await hanging;
    expect(timers()).toBeLessThanOrEqual(before);
    await producer.close();
  });

  it('settles what has gathered when it is aborted', async () => {
    const before = timers();
    const { posthorn } = heldBroker(8);
    const controller = new AbortController();
    const producer = posthorn.producer({ signal: controller.signal });
    const all = [producer.send('t', { value: 'm0' })];
    await turns();
    all.push(producer.send('t', { value: 'm1' }));
    await turns(1);
    controller.abort();
    for (const one of all) await expect(one).rejects.toMatchObject({ code: 'aborted' });
    await producer.close();
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("tells each record's own promise what became of it, in order, and a flush last", async () => {
    const { posthorn, held, answer } = heldBroker();
    const producer = posthorn.producer();
    const told: string[] = [];
    const tell = (name: string, promise: Promise<unknown>): Promise<void> =>
      promise.then(
        () => void told.push(`${name} stored`),
        (error: { code: string }) => void told.push(`${name} ${error.code}`),
      );
    const first = tell('first', producer.send('t', { value: 0 }));
    await turns();
    const all = [
      tell('a', producer.send('t', { value: 1 })),
      tell('many', producer.sendBatch('t', [{ value: 2 }, { value: 3 }])),
      tell('b', producer.send('t', { value: 4 })),
      tell('bad', producer.send('t', { value: undefined as never })),
    ];
    const flushed = tell('flush', producer.flush());
    answer();
    await first;
    while (held.length === 0) await turns(1);
    expect(held.map(({ values }) => values)).toEqual([['1', '2', '3', '4']]);
    answer();
    await Promise.all([...all, flushed]);
    expect(told[0]).toBe('bad invalid_argument');
    expect(told.at(-1)).toBe('flush stored');
    expect(told.filter((text) => /^[ab] /.test(text))).toEqual(['a stored', 'b stored']);
    await producer.close();
  });

  it('tells only the record that is to blame, if the others can go without it', async () => {
    const { posthorn, held, answer } = heldBroker();
    const producer = posthorn.producer();
    const nowMs = Date.now();
    const all = [-5, 5, -4].map((ms) => producer.send('t', { value: ms, timestamp: nowMs + ms }));
    await turns();
    all.push(producer.send('t', { value: 'next', timestamp: nowMs }));
    const outcomes = Promise.allSettled(all);
    while (held.length === 0) await turns(1);
    held[0]!.refuse({ code: 'invalid_timestamp', batch: 0, timestamp_max: nowMs });
    while (held.length === 0) await turns(1);
    expect(held.map(({ values }) => values)).toEqual([['-5', '-4', '"next"']]);
    answer();
    expect(
      (await outcomes).map((outcome) => ('value' in outcome ? outcome.value.timestamp - nowMs : 'failed')),
    ).toEqual([-5, 'failed', -4, 0]);
    await producer.close();
  });

  it('fails all records of a batch that is given up, each with the reason', async () => {
    const { posthorn, held } = heldBroker();
    const producer = posthorn.producer({ deliveryTimeoutMs: 1 });
    await turns();
    const all = numbers(3).map((value) => producer.send('t', { value }));
    const outcomes = Promise.allSettled(all);
    let isOver = false;
    void outcomes.then(() => (isOver = true));
    while (!isOver) {
      for (const request of [...held]) request.fail();
      await turns(1);
    }
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'timeout' } });
    await producer.close();
  });
});
