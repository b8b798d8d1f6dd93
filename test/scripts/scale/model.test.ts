import { expect, it } from 'vitest';
import { PAGE_ITEMS_MAX } from '../../../protocol/limits.ts';
import {
  costOf,
  CRON_CALLS_MAX,
  firstLimit,
  loadOf,
  objectsFor,
  routingLoadOf,
  storageCostOf,
  upkeepOf,
} from '../../../scripts/scale/model.ts';

it('counts three calls and three rows for a batch of a queue', () => {
  const load = loadOf({ kind: 'queues', objects: 10, messagesPerS: 10_000, batch: 100 });
  expect(load).toMatchObject({ callsPerObject: 30, messagesPerObject: 1_000, requests: 300, rows: 300 });
  expect(load.awake).toBeCloseTo(10);
});

it('knows how much of a month objects are awake', () => {
  const { awake } = loadOf({ kind: 'queues', objects: 1_000_000, messagesPerS: 1_000, batch: 100 });
  expect(awake / 30).toBeCloseTo(10, 1); // 30 calls a second, each keeps an object awake for ten seconds
});

it('costs what the figures say for a million messages', () => {
  const { rows, requests } = costOf({ kind: 'queues', objects: 1, messagesPerS: 1_000, batch: 100 });
  const millions = (1_000 * 30 * 86_400) / 1_000_000;
  expect((rows + requests) / millions).toBeCloseTo(0.03 + 0.0135);
});

it('says what is too much first, and how many objects carry it', () => {
  const many = { kind: 'queues', objects: 10, messagesPerS: 1_000_000, batch: 100 } as const;
  expect(firstLimit(many)).toBe('calls of a queue');
  expect(firstLimit({ ...many, messagesPerS: 2_000_000, batch: 10_000 })).toBe('processor of a queue');
  const objects = objectsFor('queues', 1_000_000, 100);
  expect(objects).toBe(61);
  expect(firstLimit({ ...many, objects })).toBeNull();
});

it('asks the topology as often for 10 isolates as for 10,000', () => {
  expect(routingLoadOf(10, 5).topology).toBe(routingLoadOf(10_000, 5).topology);
  const { root, leaf, leaves } = routingLoadOf(10_000, 1);
  expect(leaves).toBe(32);
  expect(Math.max(root, leaf)).toBeLessThan(1_000);
});

it('visits 72,000 queues within the calls of a run', () => {
  expect(upkeepOf(72_000).queueVisits + 72_000 / PAGE_ITEMS_MAX).toBeLessThan(CRON_CALLS_MAX);
});

it('charges what lies in the bucket, and what has moved there, by the GB', () => {
  const cost = storageCostOf(1_000e9, 1e9);
  expect(cost.object).toBeCloseTo(200);
  expect(cost.tiered).toBeCloseTo(0.2 + 999 * 0.015);
  const objects = 999e9 / (8 * 1024 * 1024);
  expect(cost.moved).toBeCloseTo((objects * (4.5 + 0.36 + 3)) / 1e6);
  expect(cost.read).toBeCloseTo((objects * 2 * 0.36) / 1e6);
  expect(storageCostOf(1e9, 1e9)).toMatchObject({ tiered: 0.2, moved: 0, read: 0 });
});
