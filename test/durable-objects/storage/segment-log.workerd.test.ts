import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestBroker } from '../../support/broker/test-broker.ts';
import { compactionCases } from './compaction.suite.ts';
import { segmentLogCases } from './segment-log.suite.ts';

describe('a segment log in a Durable Object', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterAll(() => broker.stop());

  for (const name of Object.keys({ ...segmentLogCases, ...compactionCases })) {
    it(name, async () => {
      const response = await fetch(`${broker.url}/test/storage-case?name=${encodeURIComponent(name)}`);
      expect(await response.text()).toBe('passed');
    });
  }
});
