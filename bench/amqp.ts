/**
 * Benchmark of the AMQP gateway: amqplib against it and against a RabbitMQ quorum queue in turn, the rows of a message beside those of
 * the SDK, and the memory of a gateway that holds many connections. The gateway is a process of its own, as `npm start` has it.
 */

import { connect, type ChannelModel } from 'amqplib';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Posthorn } from '../sdk/index.ts';
import { startRabbitmq } from '../scripts/peers/rabbitmq.ts';
import { median, quantile } from './runtime/client.ts';
import { amqpRunning } from './peers/amqp-client.ts';
import { BODY, Countdown, WINDOW, type Running } from './peers/contender.ts';
import { QUORUM } from './peers/rabbitmq.ts';
import { withRuntime } from './runtime/runtime.ts';

const MAIN = join(import.meta.dirname, '../gateway/main.ts');

/** Awaited publishes of one before the other has its turn. */
const TURN = 20;

/** Awaited publishes of each before its times count: an application that has just begun is compiled while it runs. */
const WARM_UP = 100 * TURN;

export interface AmqpOptions {
  messages: number;
  rounds: number;
  awaited: number;
  connections: number;
  channels: number;
}

export interface AmqpResult extends AmqpOptions {
  /** Messages a second that were published, confirmed, delivered and acknowledged, round by round. */
  gateway: number[];
  rabbitmq: number[];
  /** Median over median. */
  ratio: number;
  awaitedMs: { gateway: number; rabbitmq: number };
  /** Rows written for a message of a round. */
  rows: { gateway: number; sdk: number };
  /** Resident memory of the gateway with all connections, in MB. */
  memoryMb: number;
}

export async function benchAmqp(options: AmqpOptions, progress: (text: string) => void): Promise<AmqpResult> {
  const server = await startRabbitmq();
  const rabbitmq = await amqpRunning(server.url, QUORUM, () => server.stop());
  try {
    return await withRuntime('posthorn', async ({ url }) => {
      const process = await startGateway(url);
      const gateway = await amqpRunning(process.url, {}, async () => {});
      const rates = { gateway: [] as number[], rabbitmq: [] as number[] };
      const both: ['gateway' | 'rabbitmq', Running][] = [
        ['gateway', gateway],
        ['rabbitmq', rabbitmq],
      ];
      for (let round = 0; round < options.rounds; round++) {
        for (const [name, one] of round % 2 === 0 ? both : both.toReversed()) {
          progress(`amqp: round ${round + 1} of ${options.rounds}, ${name}`);
          const startMs = performance.now();
          await one.queue!(options.messages);
          rates[name].push(Math.round((options.messages * 1_000) / (performance.now() - startMs)));
        }
      }
      progress('amqp: awaited');
      const awaitedMs = await awaited(gateway, rabbitmq, options.awaited);
      progress('amqp: rows');
      const rows = await rowsOf(url, process.url, options.messages);
      await gateway.stop();
      progress('amqp: memory');
      const memoryMb = await memoryOf(process, options);
      process.stop();
      const ratio = median(rates.gateway) / median(rates.rabbitmq);
      return { ...options, ...rates, ratio: round2(ratio), awaitedMs, rows, memoryMb };
    });
  } finally {
    await rabbitmq.stop();
  }
}

export function printAmqp(result: AmqpResult): void {
  const { messages, awaitedMs, rows, connections, channels } = result;
  console.log(
    `\namqplib, ${messages} messages of ${BODY.length} B with confirms, consumed and acknowledged meanwhile`,
  );
  console.log(
    `gateway ${result.gateway.join(' ')}/s; RabbitMQ ${result.rabbitmq.join(' ')}/s; ratio ${result.ratio}`,
  );
  console.log(`awaited publish, p50: gateway ${awaitedMs.gateway} ms, RabbitMQ ${awaitedMs.rabbitmq} ms`);
  console.log(`rows a message: gateway ${rows.gateway}, SDK ${rows.sdk}`);
  console.log(`${connections} connections with ${channels} channels each: ${result.memoryMb} MB`);
}

interface GatewayProcess {
  url: string;
  pid: number;
  stop(): void;
}

async function startGateway(broker: string): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [MAIN, '--url', broker, '--amqp', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface(child.stdout)) {
    const port = /:(\d+)(?:,|$)/.exec(line)?.[1];
    if (port === undefined) continue;
    return { url: `amqp://guest:guest@127.0.0.1:${port}`, pid: child.pid!, stop: () => child.kill() };
  }
  throw new Error('the gateway has ended');
}

async function awaited(gateway: Running, rabbitmq: Running, count: number): Promise<AmqpResult['awaitedMs']> {
  const times = { gateway: [] as number[], rabbitmq: [] as number[] };
  for (let done = -WARM_UP; done < count; done += TURN) {
    for (const [name, one] of [
      ['gateway', gateway],
      ['rabbitmq', rabbitmq],
    ] as const) {
      for (let i = 0; i < TURN; i++) {
        const startMs = performance.now();
        await one.publish();
        if (done >= 0) times[name].push(performance.now() - startMs);
      }
    }
  }
  return { gateway: round2(quantile(times.gateway, 0.5)), rabbitmq: round2(quantile(times.rabbitmq, 0.5)) };
}

/** The queue counts its rows; both ways have the same windows. */
async function rowsOf(broker: string, amqpUrl: string, messages: number): Promise<AmqpResult['rows']> {
  const posthorn = new Posthorn({ url: broker });
  const rowsIn = async (queue: string): Promise<number> =>
    round2((await posthorn.queues.get(queue)).state.meter.rowsWritten / messages, 1e5);
  const connection = await connect(amqpUrl, { noDelay: true });
  const [producing, consuming] = [await connection.createConfirmChannel(), await connection.createChannel()];
  await producing.assertQueue('rows-amqp');
  await consuming.prefetch(WINDOW);
  const arrived = new Countdown(messages);
  await consuming.consume('rows-amqp', (message) => {
    consuming.ack(message!);
    arrived.note();
  });
  await inWindow(messages, (done) => producing.sendToQueue('rows-amqp', BODY, {}, done));
  await arrived.reached;
  await connection.close();
  await posthorn.queues.declare('rows-sdk');
  const handled = new Countdown(messages);
  const consumer = posthorn.consumer('rows-sdk', () => handled.note(), { prefetch: WINDOW });
  const publisher = posthorn.publisher({ maxUnconfirmed: WINDOW });
  await inWindow(messages, (done) =>
    publisher.sendToQueue('rows-sdk', { body: BODY }).then(() => done(), done),
  );
  await handled.reached;
  await consumer.stop();
  await publisher.close();
  return { gateway: await rowsIn('rows-amqp'), sdk: await rowsIn('rows-sdk') };
}

function inWindow(count: number, send: (done: (error?: unknown) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    let [sent, left] = [0, count];
    const next = (): void => {
      if (sent++ >= count) return;
      send((error) => {
        if (error) return reject(error as Error);
        if (--left === 0) resolve();
        else next();
      });
    };
    for (let at = 0; at < WINDOW; at++) next();
  });
}

async function memoryOf(
  { url, pid }: GatewayProcess,
  { connections, channels }: AmqpOptions,
): Promise<number> {
  const opened: ChannelModel[] = [];
  for (let at = 0; at < connections; at++) {
    const connection = await connect(url);
    for (let channel = 0; channel < channels; channel++) await connection.createChannel();
    opened.push(connection);
  }
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  await Promise.all(opened.map((connection) => connection.close()));
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1_024);
}

const round2 = (value: number, to = 100): number => Math.round(value * to) / to;
