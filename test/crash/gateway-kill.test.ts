/**
 * AMQP clients while their gateway is killed, or the broker behind it: nothing confirmed is lost, what was not acknowledged comes
 * back soon, and exclusive queues go with their gateway. `KILLS=20` for more rounds of the broker.
 */

import { connect, type Channel, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn } from '../../sdk/index.ts';
import { answers, isAlive, ServeProcess, until, type ServeInfo } from '../support/broker/serve-process.ts';

const KILLS = Number(process.env['KILLS'] ?? 3);
const MAIN = join(import.meta.dirname, '../../gateway/main.ts');

/** What a killed gateway held, or consumers of a killed broker, is back within this. */
const BACK = { timeout: 10_000 };
/** Its exclusive queues are gone within this. */
const GONE = { timeout: 30_000 };

let folder: string;
let serve: Awaited<ReturnType<typeof ServeProcess.start>>;
let posthorn: Posthorn;
const gateways: ChildProcess[] = [];
const connections: ChannelModel[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-gateway-'));
  serve = await ServeProcess.start({ POSTHORN_DATA: folder });
  posthorn = new Posthorn({ url: serve.info.url });
});
afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close().catch(() => {});
  for (const child of gateways.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  serve.killGroup('SIGKILL');
  await serve.exit;
  rmSync(folder, { recursive: true, force: true });
});

async function startGateway(): Promise<{ child: ChildProcess; port: number }> {
  const args = [MAIN, '--url', serve.info.url, '--amqp', '0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  gateways.push(child);
  for await (const line of createInterface(child.stdout!)) {
    const port = /:(\d+)(?:,|$)/.exec(line)?.[1];
    if (port !== undefined) return { child, port: Number(port) };
  }
  throw new Error('the gateway has ended');
}

async function open(port: number): Promise<ChannelModel> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`);
  connection.on('error', () => {});
  connections.push(connection);
  return connection;
}

async function newChannel(connection: ChannelModel): Promise<Channel> {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  return channel;
}

const stateOf = async (queue: string) => (await posthorn.queues.get(queue)).state;
const isThere = (queue: string): Promise<boolean> =>
  posthorn.queues.get(queue).then(
    () => true,
    () => false,
  );

/** The broker starts another runtime. */
async function killRuntime(): Promise<void> {
  const { workerdPid } = JSON.parse(readFileSync(join(folder, 'broker.json'), 'utf8')) as ServeInfo;
  process.kill(workerdPid, 'SIGKILL');
  await until('workerd is gone', () => !isAlive(workerdPid));
  await until('the broker answers again', () => answers(serve.info.url), 30_000);
}

describe('a gateway that is killed', { timeout: 60_000 }, () => {
  it('leaves nothing unacknowledged away for long, whether it was consumed or got', async () => {
    const { child, port } = await startGateway();
    const channel = await newChannel(await open(port));
    for (const queue of ['consumed', 'got']) {
      await channel.assertQueue(queue);
      for (let at = 0; at < 20; at++) channel.sendToQueue(queue, Buffer.from(String(at)));
    }
    await channel.checkQueue('got');
    await channel.prefetch(10);
    await channel.consume('consumed', () => {});
    for (let at = 0; at < 5; at++) expect(await channel.get('got')).not.toBe(false);
    await expect.poll(async () => (await stateOf('consumed')).leased).toBe(10);
    expect((await stateOf('got')).leased).toBe(5);
    child.kill('SIGKILL');
    for (const queue of ['consumed', 'got']) {
      await expect.poll(() => stateOf(queue), BACK).toMatchObject({ ready: 20, leased: 0 });
    }
  });

  it('takes its exclusive queues with it, with and without consumers', async () => {
    const { child, port } = await startGateway();
    const channel = await newChannel(await open(port));
    const { queue: bare } = await channel.assertQueue('', { exclusive: true });
    const { queue: consumed } = await channel.assertQueue('', { exclusive: true, expires: 3_600_000 });
    await channel.consume(consumed, () => {});
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => isThere(bare), GONE).toBe(false);
    await expect.poll(() => isThere(consumed), GONE).toBe(false);
  });
});

describe(`a broker that is killed ${KILLS} times under a gateway`, { timeout: 180_000 }, () => {
  it('loses nothing confirmed, and consumers go on', async () => {
    const { port } = await startGateway();
    const connection = await open(port);
    const publishing = await connection.createConfirmChannel();
    const consuming = await newChannel(connection);
    await publishing.assertQueue('lasting');
    const { queue: own } = await consuming.assertQueue('', { exclusive: true });
    const received = new Set<number>();
    await consuming.prefetch(50);
    await consuming.consume('lasting', (message) => {
      received.add(Number(message!.content.toString()));
      consuming.ack(message!);
    });
    const load = new Load(publishing);
    for (let kill = 0; kill < KILLS; kill++) {
      const reached = load.confirmed.size + 200;
      await until('the load goes on', () => load.confirmed.size >= reached, 60_000);
      await killRuntime();
    }
    const reached = load.confirmed.size + 200;
    await until('the load goes on after the last kill', () => load.confirmed.size >= reached, 60_000);
    await load.stop();
    await until(
      'everything confirmed is received',
      () => [...load.confirmed].every((each) => received.has(each)),
      60_000,
    );
    // The connection and what it owns are there yet.
    publishing.sendToQueue(own, Buffer.from('still'));
    await publishing.waitForConfirms();
    expect(String(((await consuming.get(own)) as { content: Buffer }).content)).toBe('still');
    // What was unacknowledged when the broker died comes back when its queue wakes.
    await expect.poll(() => stateOf('lasting'), BACK).toMatchObject({ ready: 0, leased: 0 });
  });
});

describe('a broker and a gateway that are killed together', { timeout: 60_000 }, () => {
  it('leave what was got for the next who gets it', async () => {
    const { child, port } = await startGateway();
    const channel = await newChannel(await open(port));
    await channel.assertQueue('got-before');
    for (let at = 0; at < 5; at++) channel.sendToQueue('got-before', Buffer.from(String(at)));
    await channel.checkQueue('got-before');
    for (let at = 0; at < 3; at++) expect(await channel.get('got-before')).not.toBe(false);
    expect((await stateOf('got-before')).leased).toBe(3);
    child.kill('SIGKILL');
    await killRuntime();
    const again = await newChannel(await open((await startGateway()).port));
    const got: string[] = [];
    for (let at = 0; at < 5; at++) {
      const message = await again.get('got-before');
      if (message !== false) got.push(message.content.toString());
    }
    expect(got).toEqual(['0', '1', '2', '3', '4']);
  });
});

/** Publishes without a pause, with a bound of what is unconfirmed. A nack is published again, as an application would. */
class Load {
  readonly confirmed = new Set<number>();
  readonly #channel: ConfirmChannel;
  #next = 0;
  #isOver = false;

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
    for (let at = 0; at < 20; at++) this.#publish(this.#next++);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#channel.waitForConfirms().catch(() => {});
  }

  #publish(number: number): void {
    this.#channel.sendToQueue('lasting', Buffer.from(String(number)), {}, (error) => {
      if (error === null) this.confirmed.add(number);
      if (!this.#isOver) this.#publish(error === null ? this.#next++ : number);
    });
  }
}
