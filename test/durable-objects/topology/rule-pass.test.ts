/** A rule reaches thousands of queues in slices, over a crash and over a later change. */

import { expect, it } from 'vitest';
import { declareQueueIn } from '../../../durable-objects/topology/definitions/queues.ts';
import { deletePolicyIn, putPolicyIn } from '../../../durable-objects/topology/definitions/policies.ts';
import { TopologyStore } from '../../../durable-objects/topology/topology-store.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

const QUEUES = 700;
const limits = (maxLength: number) => ({
  pattern: 'job.*',
  priority: 0,
  definition: { max_length: maxLength },
});

function storeOfQueues(sql: NodeSql): TopologyStore {
  const store = new TopologyStore(sql);
  for (let number = 0; number < QUEUES; number++) declareQueueIn(store, 'default', `job.${number}`, {});
  declareQueueIn(store, 'default', 'other', {});
  return store;
}

const lengths = (store: TopologyStore): Set<number | null> =>
  new Set(
    store.queues
      .all()
      .filter(({ name }) => name !== 'other')
      .map(({ definition }) => definition.config.max_length),
  );

it('a policy reaches all queues, some at a time, also when the object is made anew in between', () => {
  const sql = new NodeSql();
  let store = storeOfQueues(sql);
  putPolicyIn(store, 'p', limits(3));
  expect(lengths(store)).toEqual(new Set([3, null]));
  let slices = 0;
  for (; ; slices++) {
    store = new TopologyStore(sql);
    const changed = store.applyRules();
    if (changed === null) break;
    expect(changed.length).toBeLessThanOrEqual(32);
  }
  expect(slices).toBeGreaterThan(10);
  expect([lengths(store), store.queues.get('other')!.definition.config.max_length]).toEqual([
    new Set([3]),
    null,
  ]);
});

it('a change while the first is under way is what all queues have in the end', () => {
  const store = storeOfQueues(new NodeSql());
  putPolicyIn(store, 'p', limits(3));
  for (let slice = 0; slice < 5; slice++) store.applyRules();
  putPolicyIn(store, 'p', limits(4));
  for (let slice = 0; slice < 5; slice++) store.applyRules();
  deletePolicyIn(store, 'p');
  store.applyRules();
  putPolicyIn(store, 'q', limits(5));
  while (store.applyRules() !== null);
  expect(lengths(store)).toEqual(new Set([5]));
  expect(store.rulePass.get()).toBeNull();
});
