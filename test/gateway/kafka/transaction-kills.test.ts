/**
 * Gateways that are killed (SIGKILL) in the middle of transactions, with records and offsets of a group in each. Nothing that was committed
 * is lost or there twice, nothing that was aborted is seen, and input and output agree.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn } from '../../../sdk/index.ts';
import { ERRORS } from '../../../wire/kafka/error-codes.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { RawTransactions } from './support/raw-transactions.ts';

const MAIN = join(import.meta.dirname, '../../../gateway/main.ts');
const INPUTS = 12;

/** Where in a transaction the gateway is killed: right after the request was sent, or when it was answered. */
const STEPS = ['produce', 'commitOffset', 'end'] as const;
type Step = (typeof STEPS)[number] | 'nothing';

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

async function startGateway(): Promise<{ child: ChildProcess; port: number }> {
  const all = [MAIN, '--url', broker.url, '--kafka', '0'];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  for await (const line of createInterface(child.stdout!)) {
    return { child, port: Number(/:(\d+)(?:,|$)/.exec(line)![1]) };
  }
  throw new Error('the gateway has told no port');
}

class Killed extends Error {}

/** Resolves with the answer, or throws when the connection has ended without one. */
async function answer<Answer>(client: RawTransactions, asked: Promise<Answer>): Promise<Answer> {
  const closed = client.client.closed.then(() => {
    throw new Killed();
  });
  return await Promise.race([asked, closed]);
}

async function offsetOf(group: string, topic: string): Promise<number> {
  const [offset] = await posthorn.groups.offsets(group, { topic }).catch(() => []);
  return offset?.offset ?? 0;
}

describe.each([
  ['older', 4],
  ['newer', 5],
])('transactions of the %s protocol, through gateways that are killed', (name, endVersion) => {
  it('are whole', { timeout: 120_000 }, async () => {
    const [inputs, outputs, group] = [`inputs-${name}`, `outputs-${name}`, `group-${name}`];
    for (const topic of [inputs, outputs]) await posthorn.topics.declare(topic, { partitions: 1 });
    await using producer = posthorn.producer();
    await Promise.all(Array.from({ length: INPUTS }, (_, at) => producer.send(inputs, { value: at })));

    let kills = 0;
    let position = 0;
    let attempt = 0;
    while (position < INPUTS) {
      const gateway = await startGateway();
      const client = await RawTransactions.connect(gateway.port, `job-${name}`);
      // The instance is new: it has lost what it knew, as its gateway has. What was left open is aborted.
      const begun = await answer(client, client.init());
      expect(begun['errorCode']).toBe(ERRORS.NONE);
      position = await offsetOf(group, inputs);
      try {
        while (position < INPUTS) {
          attempt += 1;
          const killAt: Step = attempt % 2 === 0 ? STEPS[(attempt / 2) % 3]! : 'nothing';
          const ends = attempt % 5 !== 0;
          const isLate = attempt % 4 === 0;
          const next = async <Answer>(step: Step, asked: Promise<Answer>): Promise<Answer> => {
            if (step !== killAt) return await answer(client, asked);
            kills += 1;
            if (isLate) await answer(client, asked);
            gateway.child.kill('SIGKILL');
            throw new Killed();
          };
          if (endVersion < 5) expect(await answer(client, client.addPartitions(outputs))).toBe(ERRORS.NONE);
          const value = `${position}${ends ? '' : ' aborted'}`;
          expect(await next('produce', client.produce(outputs, value))).toBe(ERRORS.NONE);
          const added = client.commitOffset(group, inputs, position + 1);
          expect(await next('commitOffset', added)).toBe(ERRORS.NONE);
          const ended = await next('end', client.end(ends, endVersion));
          expect(ended).toMatchObject({ errorCode: ERRORS.NONE });
          if (ends) position += 1;
        }
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      client.close();
      gateway.child.kill('SIGKILL');
    }
    expect(kills).toBeGreaterThan(3);
    const { body } = await broker.fetch(outputs, 0, 'isolation=read_committed');
    expect(body.records.map(({ value }) => value)).toEqual(
      Array.from({ length: INPUTS }, (_, at) => `${at}`),
    );
    expect(body).toMatchObject({ high_watermark: body.last_stable_offset });
    expect(await offsetOf(group, inputs)).toBe(INPUTS);
  });
});
