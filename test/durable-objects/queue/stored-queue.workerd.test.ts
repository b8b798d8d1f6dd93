import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeSql } from '../../support/broker/node-sql.ts';
import { SEED } from '../../support/seed.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { queueSteps } from './support/queue-steps.ts';

const STEPS = 300;

describe(`a queue in a Durable Object (SEED=${SEED})`, () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterAll(() => broker.stop());

  for (let seed = SEED; seed < SEED + 8; seed++) {
    it(`does what it does on node:sqlite, and writes as many rows, seed ${seed}`, async () => {
      // The steps keep this process busy for longer than the broker keeps an idle connection.
      const response = await fetch(`${broker.url}/test/queue-steps?seed=${seed}&count=${STEPS}`, {
        headers: { connection: 'close' },
      });
      expect(await response.json()).toEqual(queueSteps(new NodeSql(), seed, STEPS));
    });
  }
});
