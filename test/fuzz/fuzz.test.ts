/** A short run with a fresh seed, which is printed. `npm run fuzz` runs longer. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/test-broker.ts';
import { fuzz } from './fuzz.ts';
import { KNOWN } from './requests.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

it('answers whatever is sent with what the contract says, and is well afterwards', async () => {
  const seed = Math.floor(Math.random() * 2 ** 30);
  console.log(`npm run fuzz -- --seed ${seed}`);
  const { wrong, requests, refused } = await fuzz(broker, { seed, requests: 400 });
  expect(wrong, `seed ${seed}`).toEqual([]);
  expect(requests).toBe(400);
  // Both good and bad ones were among them.
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(350);
}, 300_000);

it('knows every operation of the OpenAPI document', () => {
  expect(KNOWN.length).toBeGreaterThan(30);
});
