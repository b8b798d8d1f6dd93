/** A short run with a fixed seed. `npm run fuzz` runs longer, with fresh ones. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestBroker } from '../support/broker/test-broker.ts';
import { brokerOptions, fuzz } from './fuzz.ts';
import { KNOWN } from './requests/requests.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start(brokerOptions(new Map()));
});
afterAll(() => broker.stop());

const TURNS = 3;
const SEED = 919_852_451;

it('answers whatever is sent with what the contract says, and is well afterwards', async () => {
  const { wrong, requests, refused, compared, frames, codecAccepted, codecCases, covered } = await fuzz(
    broker,
    {
      seed: SEED,
      turns: TURNS,
    },
  );
  expect(wrong, `npm run fuzz -- --seed ${SEED}`).toEqual([]);
  expect(requests).toBe(TURNS * 100);
  expect(frames).toBeGreaterThan(TURNS * 10);
  expect(compared).toBeGreaterThan(0);
  // Both good and bad ones were among them.
  expect(refused).toBeGreaterThan(TURNS * 20);
  expect(refused).toBeLessThan(TURNS * 90);
  expect(codecAccepted).toBeGreaterThan(0);
  expect(codecAccepted).toBeLessThan(codecCases);
  expect(covered.length).toBeGreaterThan(KNOWN.length / 4);
}, 300_000);

it('knows every operation of the OpenAPI document', () => {
  expect(KNOWN.length).toBeGreaterThan(30);
});
