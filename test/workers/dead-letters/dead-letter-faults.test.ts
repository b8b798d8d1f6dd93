/** Retries and dead letters while alarms, objects and targets fail: nothing is lost, nothing doubled, rows are bounded. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueClient } from '../../support/clients/queue-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const COUNT = 20;
const numbers = Array.from({ length: COUNT }, (_, body) => body);
const messages = numbers.map((body) => ({ body }));
const tagsOf = (deliveries: { delivery_tag: string }[]): string[] =>
  deliveries.map(({ delivery_tag }) => delivery_tag);

const failing = (queue: string, mode: 'before' | 'after' | 'works') =>
  fetch(`${broker.url}/test/failing?queue=${queue}&mode=${mode}`);

/** All messages of a queue are rejected. */
async function kill(queue: string): Promise<void> {
  await queues.publish(queue, messages);
  const reject = tagsOf(await queues.take(queue)).map((tag) => ({ tag, error: { type: 'Bad' } }));
  expect(await queues.settle(queue, { reject })).toEqual(numbers.map(() => 'dead_lettered'));
}

async function expectAll(queue: string): Promise<void> {
  const letters = await queues.deadLettersOnce(queue, COUNT);
  expect(letters.map(({ original_message: { body } }) => body)).toEqual(numbers);
  for (const { error } of letters) expect(error.type).toBe('Bad');
}

describe('a target that fails for an hour', () => {
  for (const mode of ['before', 'after'] as const) {
    it(`loses and doubles nothing where it fails ${mode} it has stored them`, async () => {
      const queue = `hour-${mode}`;
      await queues.declare(queue);
      await queues.declare(`${queue}.dlq`, { dead_letter: 'none' });
      await failing(`${queue}.dlq`, mode);
      await kill(queue);
      let rows = 0;
      for (let minutes = 0; minutes < 60; minutes += 5) {
        const state = await queues.until(
          () => queues.state(queue),
          ({ outgoing_problem: problem }) => problem !== null,
        );
        expect(state).toMatchObject({ outgoing: COUNT, ready: 0, leased: 0 });
        if (minutes === 0) rows = state.meter.rows_written;
        await broker.advance(300_001);
      }
      const after = await queues.state(queue);
      expect(after.meter.rows_written - rows, 'two rows for each attempt at most').toBeLessThanOrEqual(26);
      await failing(`${queue}.dlq`, 'works');
      await broker.advance(300_001);
      await queues.until(
        () => queues.state(queue),
        ({ outgoing, outgoing_problem: problem }) => outgoing === 0 && problem === null,
      );
      await expectAll(queue);
    });
  }
});

describe('an object that is gone between any two steps', () => {
  it('goes on where it was: failing, waiting, dying, being replayed', async () => {
    const { body: declared } = await queues.declare('evicted', { retry: { schedule_ms: [1_000] } });
    const { body: dlq } = await queues.declare('evicted.dlq', { dead_letter: 'none' });
    const evict = async (): Promise<void> => {
      await queues.state('evicted');
      await queues.state('evicted.dlq');
      await broker.evictQueue('evicted', declared.topology_version);
      await broker.evictQueue('evicted.dlq', dlq.topology_version);
    };
    await queues.publish('evicted', messages);
    await evict();
    for (const outcome of ['parked', 'dead_lettered']) {
      const nack = tagsOf(await queues.take('evicted')).map((tag) => ({ tag, error: { type: 'Bad' } }));
      await evict();
      expect(await queues.settle('evicted', { nack })).toEqual(numbers.map(() => outcome));
      await evict();
      await broker.advance(1_000);
      await evict();
    }
    await broker.advance(5_001);
    await queues.until(
      () => queues.state('evicted'),
      ({ outgoing }) => outgoing === 0,
    );
    await expectAll('evicted');
    const [letter] = (await queues.deadLetters('evicted')).dead_letters;
    expect(letter!.metadata).toMatchObject({ retry_count: 1, reason: 'delivery_limit' });
    expect(Date.parse(letter!.metadata.last_attempt!)).toBeGreaterThan(
      Date.parse(letter!.metadata.first_attempt!),
    );
    await broker.call('POST', '/v1/default/queues/evicted/dead-letters/replay', { rate_per_s: 7 });
    await queues.until(
      async () => {
        await evict();
        await broker.advance(5_001);
        await queues.state('evicted.dlq');
        return await queues.state('evicted');
      },
      ({ ready }) => ready === COUNT,
    );
    expect((await queues.take('evicted')).map(({ body }) => body)).toEqual(numbers);
    expect(await queues.state('evicted.dlq')).toMatchObject({ ready: 0, outgoing: 0 });
  });
});

describe('an alarm', () => {
  /** Messages that wait for one second. */
  async function parked(queue: string): Promise<void> {
    await queues.declare(queue, { retry: { schedule_ms: [1_000] } });
    await queues.publish(queue, messages);
    const nack = tagsOf(await queues.take(queue)).map((tag) => ({ tag }));
    expect(await queues.settle(queue, { nack })).toEqual(numbers.map(() => 'parked'));
  }

  it('that is a minute late is made up for by the next request', async () => {
    await parked('late');
    await broker.advance(61_000);
    expect((await queues.take('late')).map(({ body }) => body)).toEqual(numbers);
  });

  it('that fires while requests do its work brings nothing twice', async () => {
    await parked('twice');
    const looks: Promise<unknown>[] = [];
    await queues.until(
      async () => {
        looks.push(queues.state('twice'), queues.state('twice'));
        return (await queues.state('twice')).ready;
      },
      (ready) => ready === COUNT,
    );
    await Promise.all(looks);
    expect((await queues.take('twice')).map(({ body }) => body)).toEqual(numbers);
    expect(await queues.state('twice')).toMatchObject({ ready: 0, leased: COUNT, parked: 0 });
  });

  it('that never fires is made up for by the watchdog', async () => {
    await parked('lost');
    // Nobody asks the queue for anything but one who has been waiting; its alarm is hours away by the real clock.
    const waiting = queues.take('lost', { wait_ms: 30_000 });
    await queues.until(
      () => queues.state('lost'),
      ({ consumers }) => consumers === 1,
    );
    await broker.advance(1_000);
    await fetch(`${broker.url}/test/watchdog`);
    expect((await waiting).map(({ body }) => body)).toEqual(numbers);
  });

  it('that the platform gives several times at once does its work once', async () => {
    const { body } = await queues.declare('rung', { retry: { schedule_ms: [1_000] } });
    const ring = async (): Promise<void> => {
      await fetch(`${broker.url}/test/ring-alarm?object=default/rung%23${body.topology_version}&times=3`);
    };
    await queues.publish('rung', messages);
    for (const outcome of ['parked', 'dead_lettered']) {
      const nack = tagsOf(await queues.take('rung')).map((tag) => ({ tag, error: { type: 'Bad' } }));
      expect(await queues.settle('rung', { nack })).toEqual(numbers.map(() => outcome));
      await broker.advance(1_001);
      await Promise.all([ring(), ring()]);
    }
    await expectAll('rung');
    const { ready, leased, parked: waiting, outgoing, meter } = await queues.state('rung');
    expect({ ready, leased, waiting, outgoing }).toEqual({ ready: 0, leased: 0, waiting: 0, outgoing: 0 });
    expect(meter).toMatchObject({ delivered: 2 * COUNT, dead_lettered: COUNT });
    const replay = await broker.call('POST', '/v1/default/queues/rung/dead-letters/replay', {});
    expect(replay.status).toBe(202);
    await Promise.all([ring(), ring()]);
    await queues.until(
      async () => {
        await queues.state('rung.dlq'); // its alarm is by the real clock, which is behind
        return await queues.state('rung');
      },
      ({ ready: back }) => back === COUNT,
    );
  });
});

describe('an exchange to which dead letters go', () => {
  it('of which one queue fails half-way gives each destination each message once', async () => {
    const base = '/v1/default/exchanges/dying';
    await broker.call('PUT', base, { type: 'fanout' });
    await broker.declare('dead-topic', { partitions: 1 });
    await queues.declare('half', { dead_letter: { exchange: 'dying' } });
    for (const name of ['half-a', 'half-b', 'half-c']) {
      await queues.declare(name);
      await broker.call('POST', `${base}/bindings`, { destination: { kind: 'queue', name } });
    }
    await broker.call('POST', `${base}/bindings`, { destination: { kind: 'topic', name: 'dead-topic' } });
    await failing('half-b', 'before');
    await kill('half');
    for (let attempt = 0; attempt < 3; attempt++) {
      await queues.until(
        () => queues.state('half'),
        ({ outgoing_problem: problem }) => problem !== null,
      );
      // What is known of who has it is in the row.
      await broker.restart();
      await failing('half-b', 'before');
      await broker.advance(300_001);
    }
    expect(await queues.state('half-b')).toMatchObject({ ready: 0 });
    await failing('half-b', 'works');
    await broker.advance(300_001);
    await queues.until(
      () => queues.state('half'),
      ({ outgoing }) => outgoing === 0,
    );
    for (const name of ['half-a', 'half-b', 'half-c']) {
      expect((await queues.take(name)).map(({ body }) => body)).toEqual(numbers);
    }
    const { records } = (await broker.fetch('dead-topic', 0, 'offset=earliest')).body;
    expect(records.map(({ value }) => value)).toEqual(numbers);
  });
});
