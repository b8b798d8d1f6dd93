/** The gateway as a process of its own: its doors, its end, and what is left of what it held when it is killed. */

import { connect, type ChannelModel } from 'amqplib';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn } from '../../../sdk/index.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const MAIN = join(import.meta.dirname, '../../../gateway/main.ts');
const CERT = join(import.meta.dirname, 'tls/localhost.cert.pem');
const KEY = join(import.meta.dirname, 'tls/localhost.key.pem');
const LONG = { timeout: 25_000 };

let broker: TestBroker;
let posthorn: Posthorn;
const running: ChildProcess[] = [];
beforeAll(async () => {
  broker = await TestBroker.start();
  posthorn = new Posthorn({ url: broker.url });
});
afterAll(() => broker?.stop());
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Starts a gateway. Returns its process and its ports, in the order of its lines. */
async function start(doors: number, ...args: string[]): Promise<{ child: ChildProcess; ports: number[] }> {
  const all = [MAIN, '--url', broker.url, '--amqp', '0', ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const ports: number[] = [];
  for await (const line of createInterface(child.stdout!)) {
    ports.push(Number(/:(\d+)(?:,|$)/.exec(line)![1]));
    if (ports.length === doors) break;
  }
  return { child, ports };
}

async function open(port: number): Promise<ChannelModel> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${port}`);
  connection.on('error', () => {});
  return connection;
}

describe('the gateway', () => {
  it('takes connections with TLS, and by IPv6 where there is a loopback of it', async () => {
    const { ports } = await start(2, '--amqps', '0', '--tls-cert', CERT, '--tls-key', KEY);
    const [port, tlsPort] = ports;
    const urls = [`amqps://guest:guest@localhost:${tlsPort}`];
    const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
      all?.some(({ address }) => address === '::1'),
    );
    if (hasIpv6) urls.push(`amqp://guest:guest@[::1]:${port}`);
    for (const url of urls) {
      const connection = await connect(url, { ca: [await readFile(CERT)] });
      const channel = await connection.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      channel.sendToQueue(queue, Buffer.from('secret'));
      await channel.waitForConfirms();
      expect(String((await channel.get(queue)) && 'there')).toBe('there');
      await connection.close();
    }
  });

  it('tells its clients that it stops, and keeps what they have published', async () => {
    const { child, ports } = await start(1);
    const connection = await open(ports[0]!);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('process-stopped');
    const told = once(connection, 'close');
    for (let at = 0; at < 50; at++) channel.sendToQueue(queue, Buffer.from(String(at)));
    await channel.checkQueue(queue); // the gateway has read them
    child.kill('SIGTERM');
    const [error] = (await told) as [{ message: string; code?: number }];
    expect(error.message).toMatch(/320|CONNECTION.FORCED/);
    await once(child, 'exit');
    expect((await posthorn.queues.get(queue)).state.ready).toBe(50);
  });

  it('that is killed loses nothing confirmed, and what its consumers held is back within 10 s', async () => {
    const { child, ports } = await start(1);
    const connection = await open(ports[0]!);
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue('process-killed');
    let confirmed = 0;
    let isFirst = true;
    const publish = (): void => {
      channel.sendToQueue(queue, Buffer.alloc(100), {}, (error) => {
        if (error === null) confirmed++;
      });
    };
    await channel.prefetch(10);
    await channel.consume(queue, () => {
      if (isFirst) setTimeout(() => child.kill('SIGKILL'), 50);
      isFirst = false;
      publish();
    });
    for (let at = 0; at < 200; at++) publish();
    await once(child, 'exit');
    const killedMs = Date.now();
    await expect.poll(async () => (await posthorn.queues.get(queue)).state.leased, LONG).toBe(0);
    expect(Date.now() - killedMs).toBeLessThan(10_000);
    expect(confirmed).toBeGreaterThan(0);
    expect((await posthorn.queues.get(queue)).state.ready).toBeGreaterThanOrEqual(confirmed);
  });

  it.each([
    [['--amqps', '0'], '--amqps goes with --tls-cert'],
    [['--tls-cert', CERT], '--amqps goes with --tls-cert'],
    [['--amqps', 'x', '--tls-cert', CERT, '--tls-key', KEY], '--amqps x is no port'],
    [['--amqps', '0', '--tls-cert', CERT, '--tls-key', '/nowhere'], 'ENOENT'],
  ])('ends with %j', async (args, said) => {
    const child = spawn(process.execPath, [MAIN, '--amqp', '0', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const texts: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => texts.push(String(chunk)));
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(1);
    expect(texts.join('')).toContain(said);
  });
});
