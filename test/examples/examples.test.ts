/** The examples, run as they are but smaller and faster, on one broker. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExampleContext } from '../../examples/example.ts';
import { images } from '../../examples/images/images.ts';
import { newsletter } from '../../examples/newsletter/newsletter.ts';
import { orders } from '../../examples/orders/orders.ts';
import { poisonPill } from '../../examples/poison-pill/poison-pill.ts';
import { postgres } from '../../examples/postgres/postgres.ts';
import { pipeline } from '../../examples/subscriber/subscriber.ts';
import { webhook } from '../../examples/webhook/webhook.ts';
import { shop } from '../../examples/worker/shop.ts';
import { TestBroker } from '../support/broker/test-broker.ts';
import { LockedBroker } from '../workers/access/support.ts';

let broker: TestBroker;
let locked: LockedBroker;
let token: string;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is reached by its host alone' });
  locked = await LockedBroker.start();
  ({ token } = await locked.token('default', { roles: ['admin'] }));
});
afterAll(async () => {
  await broker.stop();
  await locked.broker.stop();
});

describe('the example', () => {
  it.each<[string, 'without a token' | 'with a token', (context: ExampleContext) => Promise<boolean>]>([
    ['orders', 'without a token', (context) => orders(context, 60)],
    [
      'newsletter',
      'without a token',
      (context) => newsletter(context, { subscribers: 1_500, backoffMs: 20 }),
    ],
    ['poison-pill', 'without a token', (context) => poisonPill(context, 0.01)],
    ['images', 'without a token', (context) => images(context, { pictures: 3, pictureBytes: 2_000_000 })],
    ['subscriber', 'without a token', (context) => pipeline(context, 40)],
    ['webhook', 'without a token', (context) => webhook(context, 60)],
    ['postgres', 'without a token', (context) => postgres(context, 40)],
    ['worker', 'without a token', shop],
    ['poison-pill', 'with a token', (context) => poisonPill(context, 0.01)],
    ['postgres', 'with a token', (context) => postgres(context, 40)],
    ['worker', 'with a token', shop],
  ])(
    '%s shows what it claims, %s',
    async (_name, how, run) => {
      const lines: string[] = [];
      const say = (line: string): void => void lines.push(line);
      const holds = await run({
        broker: how === 'with a token' ? { url: locked.broker.url, token } : { url: broker.url },
        say,
        progress: () => {},
        signal: AbortSignal.timeout(60_000),
      });
      expect(lines.filter((line) => line.startsWith('✗'))).toEqual([]);
      expect(holds).toBe(true);
    },
    90_000,
  );
});
