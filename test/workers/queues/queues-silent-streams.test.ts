/** Streams whose peer has died without a word: they are ended in time, and what they held is given to others at once. */

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueueClient } from '../../support/clients/queue-client.ts';
import { RawStream } from '../../support/clients/raw-stream.ts';
import { until } from '../../support/broker/serve-process.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its clock is put forward' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const HEARTBEAT_MS = 500;
const LONG = `lease_ms=600000&heartbeat_ms=${HEARTBEAT_MS}`;
/** For those who are to stay, on a machine that may be busy. */
const LONGER = `lease_ms=600000&heartbeat_ms=${2 * HEARTBEAT_MS}`;
const BEAT_MS = HEARTBEAT_MS / 4;

const opened: RawStream[] = [];
const hearts: ReturnType<typeof setInterval>[] = [];
afterAll(() => {
  for (const heart of hearts) clearInterval(heart);
  for (const stream of opened) stream.end();
});

async function open(queue: string, query: string): Promise<RawStream> {
  const stream = await RawStream.open(broker.url, queue, query);
  opened.push(stream);
  return stream;
}

/** A stream that sends its heartbeat. */
async function openAlive(queue: string, query: string): Promise<RawStream> {
  const stream = await open(queue, query);
  hearts.push(setInterval(() => stream.say('ping'), BEAT_MS));
  return stream;
}

const bodies = (stream: RawStream): number => stream.text.split('"body":').length - 1;

describe.concurrent('a stream that has announced a heartbeat and stops to read and to speak', () => {
  it('is ended though nothing else happens, and another gets what it held', async () => {
    await queues.declare('held', {});
    const dead = await open('held', LONG);
    dead.freeze();
    await queues.publish('held', [{ body: 1 }, { body: 2 }]);
    const alive = await openAlive('held', LONGER);
    // Nobody asks the queue meanwhile: its own alarm has to see it.
    await until('the messages come to the other', () => bodies(alive) === 2);
    expect(alive.text).toContain('"redelivered":true');
    expect(await queues.state('held')).toMatchObject({ consumers: 1, leased: 2, ready: 0 });
  });

  it('is given nothing any more once it has been silent for too long', async () => {
    await queues.declare('idle', { single_active_consumer: true });
    const dead = await open('idle', LONG);
    await queues.publish('idle', [{ body: 1 }]);
    await until('it is the active one', () => bodies(dead) === 1);
    const tag = /"delivery_tag":"([^"]+)"/.exec(dead.text)![1];
    dead.say(JSON.stringify({ ack: [tag] }));
    await until('its message is settled', async () => (await queues.state('idle')).meter.settled === 1);
    dead.freeze();
    const alive = await openAlive('idle', LONGER);
    await delay(4_500);
    await queues.publish('idle', [{ body: 2 }]);
    await until('the next comes to the other', () => bodies(alive) === 1);
    expect(alive.text).toContain('"delivery_count":1');
    expect(await queues.state('idle')).toMatchObject({ consumers: 1, leased: 1 });
  });

  it('is told why it was closed, should it be there after all, and may say what it likes', async () => {
    await queues.declare('woken', {});
    const slow = await open('woken', LONG);
    await queues.publish('woken', [{ body: 1 }]);
    await until('it has a message', () => bodies(slow) === 1);
    slow.freeze();
    await until('it is ended', async () => (await queues.state('woken')).consumers === 0);
    const tag = /"delivery_tag":"([^"]+)"/.exec(slow.text)![1];
    slow.say(JSON.stringify({ ack: [tag] }));
    slow.thaw();
    await until('it hears of its end', () => slow.text.includes('silent for too long'));
    expect(await queues.state('woken')).toMatchObject({ ready: 1, leased: 0 });
  });

  it.each(['before', 'after'])(
    'gives back what was taken beside it, as a keeper, when it came %s that',
    async (when) => {
      const queue = `guarded-${when}`;
      await queues.declare(queue, {});
      await queues.publish(queue, [{ body: 1 }]);
      const keep = (): Promise<RawStream> => open(queue, `keeps=messages&consumer_id=guard~kept&${LONG}`);
      const early = when === 'before' ? await keep() : undefined;
      const [taken] = await queues.take(queue, { consumer_id: 'guard~kept', lease_ms: 600_000 });
      expect(taken).toMatchObject({ body: 1 });
      const dead = early ?? (await keep());
      dead.freeze();
      const alive = await openAlive(queue, LONGER);
      // Nobody asks the queue meanwhile: its own alarm has to see it.
      await until('the message comes to the other', () => bodies(alive) === 1);
    },
  );

  it('takes a queue with it that goes with its last consumer', async () => {
    await queues.declare('going', { auto_delete: true });
    const dead = await open('going', LONG);
    await queues.publish('going', [{ body: 1 }]);
    await until('it has a message', () => bodies(dead) === 1);
    dead.freeze();
    await until('the queue is gone', async () => {
      const { status } = await broker.call('GET', '/v1/default/queues/going');
      return status === 404;
    });
  });

  it('is found after the queue has left memory, and those that speak are not', async () => {
    const { body } = await queues.declare('asleep', {});
    const dead = await open('asleep', `prefetch=1&${LONG}`);
    const alive = await openAlive('asleep', `prefetch=1&${LONGER}`);
    await queues.publish('asleep', [{ body: 1 }, { body: 2 }]);
    await until('each has one', () => bodies(dead) === 1 && bodies(alive) === 1);
    dead.freeze();
    await broker.evictQueue('asleep', body.topology_version);
    await until('one is back', async () => (await queues.state('asleep')).ready === 1);
    expect(await queues.state('asleep')).toMatchObject({ consumers: 1, leased: 1 });
  });
});

describe.concurrent('a stream that speaks', () => {
  it('keeps what it holds for as long as its lease, and being there writes no rows', async () => {
    await queues.declare('kept', {});
    const pinging = await openAlive('kept', `prefetch=1&${LONGER}`);
    const { meter } = await queues.state('kept');
    await delay(4_500);
    const idle = await queues.state('kept');
    expect(idle).toMatchObject({ consumers: 1, meter: { rows_written: meter.rows_written } });
    await queues.publish('kept', [{ body: 1 }]);
    await until('it has its message', () => bodies(pinging) === 1);
    await delay(4_500);
    expect(await queues.state('kept')).toMatchObject({ consumers: 1, leased: 1 });
  });

  it('may say anything instead of a ping', async () => {
    await queues.declare('talking', {});
    const talking = await open('talking', LONGER);
    await queues.publish('talking', [{ body: 1 }]);
    await until('it has its message', () => bodies(talking) === 1);
    for (let turn = 0; turn < 20; turn++) {
      talking.say('{"ack": []}');
      await delay(BEAT_MS * 2);
    }
    expect(await queues.state('talking')).toMatchObject({ consumers: 1, leased: 1 });
  });
});

it('refuses a heartbeat that is none', async () => {
  await queues.declare('odd', {});
  for (const heartbeat of ['0', '499', '600001', 'often', '-1']) {
    const { status, body } = await broker.call(
      'GET',
      `/v1/default/queues/odd/stream?heartbeat_ms=${heartbeat}`,
    );
    expect([status, body.code], heartbeat).toEqual([400, 'invalid_field']);
  }
});

// Last: it moves the clock of all.
describe('a stream that has announced nothing', () => {
  it('is ended when a lease has ended in its hands and it has long been silent', async () => {
    await queues.declare('plain', {});
    const dead = await open('plain', 'lease_ms=600000&prefetch=2');
    const idle = await open('plain', 'prefetch=1');
    await queues.publish('plain', [{ body: 1 }, { body: 2 }]);
    await until('both have one', () => bodies(dead) === 1 && bodies(idle) === 1);
    const tag = /"delivery_tag":"([^"]+)"/.exec(idle.text)![1];
    idle.say(JSON.stringify({ ack: [tag] }));
    await until('one is settled', async () => (await queues.state('plain')).leased === 1);
    dead.freeze();
    await broker.advance(60_000);
    expect(await queues.state('plain')).toMatchObject({ consumers: 2, leased: 1 });
    await broker.advance(600_000);
    await until('it is ended', async () => (await queues.state('plain')).consumers === 1);
    await until('the other has its message', () => bodies(idle) === 2);
  });
});
