/** The rules of queues as a table: declarations and changes. */

import { describe, expect, it } from 'vitest';
import {
  changeQueue,
  declareQueue,
  queueObjectName,
  type QueueDefinition,
} from '../../../../core/topology/queues/queues.ts';
import { defaultDeadLetterQueue } from '../../../../protocol/names/name-rule.ts';
import {
  QUEUE_DEFAULTS,
  type QueueChange,
  type QueueConfig,
  type QueueDeclaration,
} from '../../../../protocol/schemas/queues.ts';

const retry = { schedule_ms: [10, 20] };
const existing: QueueDefinition = {
  namespace: 'default',
  name: 'orders',
  id: 3,
  version: 4,
  config: { ...QUEUE_DEFAULTS, max_priority: 9, retry, dead_letter: { exchange: 'x', routing_key: 'k' } },
};
const declare = (known: QueueDefinition | null, declaration: QueueDeclaration) =>
  declareQueue(known, 'default', 'orders', declaration, 9);

describe('declaring a queue', () => {
  it('that there is not makes it, with defaults for what is not said', () => {
    expect(declare(null, { max_priority: 31 })).toEqual({
      isNew: true,
      definition: { ...existing, id: 9, version: 9, config: { ...QUEUE_DEFAULTS, max_priority: 31 } },
    });
  });

  it.each<[QueueDeclaration, string[], string]>([
    [{}, [], 'nothing is said'],
    [{ max_priority: 9 }, [], 'what is said is so'],
    [{ retry: { schedule_ms: [10, 20] } }, [], 'also what has members'],
    [{ dead_letter: { exchange: 'x', routing_key: 'k' } }, [], 'or several'],
    [{ max_length: undefined } as unknown as QueueDeclaration, [], 'undefined says nothing'],
    [{ max_priority: 8 }, ['max_priority'], 'fewer priorities'],
    [{ retry: { schedule_ms: [20, 10] } }, ['retry'], 'another order of delays'],
    [{ dead_letter: null }, ['dead_letter'], 'the default is another place'],
    [{ dead_letter: 'none' }, ['dead_letter'], 'as is none'],
    [{ max_length: 5, overflow: 'reject-publish' }, ['max_length', 'overflow'], 'all that differs is told'],
  ])('%j agrees but for %j: %s', (declaration, fields) => {
    const declared = declare(existing, declaration);
    if (fields.length === 0) expect(declared).toEqual({ definition: existing, isNew: false });
    else {
      expect(declared).toMatchObject({
        code: 'queue_differs',
        details: { differing: fields.map((field) => ({ field })) },
      });
    }
  });
});

describe('changing a queue', () => {
  it.each<[QueueChange, Partial<QueueConfig> | null, string]>([
    [{}, null, 'nothing changes'],
    [{ retry: { schedule_ms: [10, 20] } }, null, 'nor where it is so already'],
    [{ max_length: 5 }, { max_length: 5 }, 'a limit comes'],
    [{ dead_letter: 'none' }, { dead_letter: 'none' }, 'or dead letters go'],
  ])('%j makes %j: %s', (change, expected) => {
    const changed = changeQueue(existing, change, 9);
    if (expected === null) expect(changed).toBe(existing);
    else expect(changed).toEqual({ ...existing, version: 9, config: { ...existing.config, ...expected } });
  });
});

it('a queue that is made again has another object', () => {
  expect(queueObjectName(existing)).toBe('default/orders#3');
  expect(defaultDeadLetterQueue('orders')).toBe('orders.dlq');
  expect(defaultDeadLetterQueue('é'.repeat(127))).toBe(`${'é'.repeat(125)}.dlq`);
});
