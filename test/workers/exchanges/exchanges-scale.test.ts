/** A namespace with 100,000 bindings: declared, routed by, and changed one at a time. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BindingsDeclared, ExchangePublished } from '../../../protocol/schemas/exchanges.ts';
import { cpuMsOfProcess } from '../../support/cpu-time.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const NAMESPACE = '/v1/default';
const BINDINGS = 100_000;
const PER_REQUEST = 5_000;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted' });
  await broker.declare('log');
  await broker.call('PUT', `${NAMESPACE}/exchanges/big`, { type: 'topic' });
});
afterAll(() => broker.stop());

const timed = async <Result>(what: string, action: () => Promise<Result>): Promise<Result> => {
  const startMs = performance.now();
  const result = await action();
  if (process.env['POSTHORN_FIGURES']) {
    console.log(`${what}: ${(performance.now() - startMs).toFixed(1)} ms`);
  }
  return result;
};

const route = async (...keys: string[]): Promise<number[]> => {
  const { body } = await broker.call<ExchangePublished>('POST', `${NAMESPACE}/exchanges/big/messages`, {
    messages: keys.map((routing_key) => ({ routing_key, body: 0 })),
  });
  return body.messages.map(({ destinations }) => destinations.length);
};

it(
  'is routed by, and follows single changes without reading everything again',
  { timeout: 120_000 },
  async () => {
    await timed(`declaring ${BINDINGS} bindings`, async () => {
      for (let first = 0; first < BINDINGS; first += PER_REQUEST) {
        const bindings = Array.from({ length: PER_REQUEST }, (_, n) => ({
          source: 'big',
          destination: { kind: 'topic', name: 'log' },
          routing_key: `user.${first + n}.*`,
        }));
        const { body } = await broker.call<BindingsDeclared>('POST', `${NAMESPACE}/bindings`, { bindings });
        expect(body.created).toBe(PER_REQUEST);
      }
    });
    expect(await timed('the first publish after', () => route('user.99999.in', 'user.100000.in'))).toEqual([
      1, 0,
    ]);
    expect(await timed('the next publish', () => route('user.7.in', 'user.7'))).toEqual([1, 0]);
    const { body } = await broker.call<{ id: string }>('POST', `${NAMESPACE}/exchanges/big/bindings`, {
      destination: { kind: 'topic', name: 'log' },
      routing_key: 'fresh',
    });
    const workerdMs = cpuMsOfProcess(broker.broker.workerdPid!);
    expect(await timed('a publish after one more binding', () => route('fresh'))).toEqual([1]);
    await broker.call('DELETE', `${NAMESPACE}/exchanges/big/bindings/${body.id}`);
    expect(await route('fresh')).toEqual([0]);
    expect(cpuMsOfProcess(broker.broker.workerdPid!) - workerdMs).toBeLessThan(2_000);
    await broker.restart();
    expect(await timed('the first publish of a new isolate', () => route('user.1.in'))).toEqual([1]);
    const keys = Array.from({ length: 1_000 }, (_, n) => `user.${n * 99}.in`);
    expect((await timed('1,000 messages in one publish', () => route(...keys))).every((n) => n === 1)).toBe(
      true,
    );
    await timed('deleting the exchange', () => broker.call('DELETE', `${NAMESPACE}/exchanges/big`));
    expect((await broker.call('GET', `${NAMESPACE}/topics/log/bindings`)).body).toEqual({ bindings: [] });
  },
);
