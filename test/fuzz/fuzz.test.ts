/** A short run with a fresh seed, which is printed. `npm run fuzz` runs longer. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/test-broker.ts';
import { brokerOptions, fuzz } from './fuzz.ts';
import { KNOWN } from './requests.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start(brokerOptions(new Map()));
});
afterAll(() => broker.stop());

const TURNS = 3;

it('answers whatever is sent with what the contract says, and is well afterwards', async () => {
  const seed = Math.floor(Math.random() * 2 ** 30);
  console.log(`npm run fuzz -- --seed ${seed}`);
  const { wrong, requests, refused, compared, frames, codecAccepted, codecCases, covered } = await fuzz(
    broker,
    {
      seed,
      turns: TURNS,
    },
  );
  expect(wrong, `seed ${seed}`).toEqual([]);
  expect(requests).toBe(TURNS * 100);
  expect(frames).toBeGreaterThan(TURNS * 10);
  expect(compared).toBeGreaterThan(10);
  // Both good and bad ones were among them.
  expect(refused).toBeGreaterThan(60);
  expect(refused).toBeLessThan(270);
  expect(codecAccepted).toBeGreaterThan(0);
  expect(codecAccepted).toBeLessThan(codecCases);
  expect(covered.length).toBeGreaterThan(KNOWN.length / 4);
}, 300_000);

it('knows every operation of the OpenAPI document', () => {
  expect(KNOWN.length).toBeGreaterThan(30);
});
