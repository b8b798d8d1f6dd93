/** Objects are told of changes in order, again after a failure, and one that is away holds up nobody else. */

import { beforeEach, expect, it, vi } from 'vitest';
import type { QueueDefinition } from '../../../../core/topology/queues/queues.ts';
import type { Env } from '../../../../durable-objects/env.ts';
import { changeQueueIn, declareQueueIn } from '../../../../durable-objects/topology/definitions/queues.ts';
import { DefinitionPropagator } from '../../../../durable-objects/topology/propagation/definition-propagator.ts';
import { TopologyStore } from '../../../../durable-objects/topology/topology-store.ts';
import { NodeSql } from '../../../support/broker/node-sql.ts';

let store: TopologyStore;
let propagator: DefinitionPropagator;
/** What queues were told, as `name version` or `name gone`. */
let told: string[];
/** Names of queues that do not answer. */
let away: Set<string>;

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  store = new TopologyStore(new NodeSql());
  told = [];
  away = new Set();
  const say = (name: string, what: string): void => {
    if (away.has(name)) throw new Error('away');
    told.push(`${name} ${what}`);
  };
  const getByName = (objectName: string) => {
    const name = objectName.split(/[/#]/)[1]!;
    return {
      configure: async ({ version }: QueueDefinition) => say(name, String(version)),
      destroy: async () => say(name, 'gone'),
    };
  };
  const OVERVIEW = { getByName: () => ({ forget: () => Promise.resolve() }) };
  propagator = new DefinitionPropagator({ QUEUE: { getByName }, OVERVIEW } as unknown as Env, store.changes);
});

const declare = (name: string) => declareQueueIn(store, 'default', name, {});

it('tells each object once, in the order of the changes', async () => {
  declare('a');
  changeQueueIn(store, 'a', { max_length: 1 });
  store.removeQueue(store.queues.get('a')!);
  expect(await propagator.tellAll()).toBe(true);
  expect(told).toEqual(['a 1', 'a 2', 'a gone']);
  expect(await propagator.tellAll()).toBe(true);
  expect(told).toHaveLength(3);
});

it('goes on with others when one is away, and tells it everything in order later', async () => {
  declare('a');
  declare('b');
  changeQueueIn(store, 'a', { max_length: 1 });
  changeQueueIn(store, 'b', { max_length: 1 });
  away.add('a');
  expect(await propagator.tellAll()).toBe(false);
  expect(told).toEqual(['b 2', 'b 4']);
  away.clear();
  expect(await propagator.tellAll()).toBe(true);
  expect(told).toEqual(['b 2', 'b 4', 'a 1', 'a 3']);
});

it('tells hundreds, whatever their number in memory', async () => {
  for (let n = 0; n < 300; n++) declare(`q${n}`);
  away.add('q7');
  expect(await propagator.tellAll()).toBe(false);
  expect(told).toHaveLength(299);
  expect(store.changes.effectsAfter(0, 10)).toHaveLength(1);
});

it('lets timers run while it tells hundreds, so that a bounded wait for it ends', async () => {
  for (let n = 0; n < 300; n++) declare(`q${n}`);
  let toldByTimer = -1;
  setTimeout(() => (toldByTimer = told.length), 0);
  await propagator.tellAll();
  expect(toldByTimer).toBeGreaterThan(0);
  expect(toldByTimer).toBeLessThan(300);
  expect(told).toHaveLength(300);
});
