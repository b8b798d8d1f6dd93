/** The examples, run as they are but smaller and faster, on one broker. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExampleContext } from '../../examples/example.ts';
import { newsletter } from '../../examples/newsletter/newsletter.ts';
import { orders } from '../../examples/orders/orders.ts';
import { poisonPill } from '../../examples/poison-pill/poison-pill.ts';
import { shop } from '../../examples/worker/shop.ts';
import { TestBroker } from '../support/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is reached by its host alone' });
});
afterAll(() => broker.stop());

describe('the example', () => {
  it.each<[string, (context: ExampleContext) => Promise<boolean>]>([
    ['orders', (context) => orders(context, 60)],
    ['newsletter', (context) => newsletter(context, { subscribers: 1_500, backoffMs: 20 })],
    ['poison-pill', (context) => poisonPill(context, 0.01)],
    ['worker', shop],
  ])(
    '%s shows what it claims',
    async (_name, run) => {
      const lines: string[] = [];
      const say = (line: string): void => void lines.push(line);
      const holds = await run({
        url: broker.url,
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
