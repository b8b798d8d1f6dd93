/** The rules of topics as a table: declarations and changes. */

import { describe, expect, it } from 'vitest';
import {
  changeTopic,
  declareTopic,
  isCompacted,
  partitionObjectName,
  type TopicDefinition,
} from '../../../core/topology/topics.ts';
import { isFailure } from '../../../protocol/errors.ts';
import {
  TOPIC_DEFAULTS,
  type TopicChange,
  type TopicConfig,
  type TopicDeclaration,
} from '../../../protocol/schemas/topics.ts';

const existing: TopicDefinition = {
  namespace: 'default',
  name: 'orders',
  id: 3,
  version: 4,
  config: { ...TOPIC_DEFAULTS, partitions: 4, retention_ms: 5_000 },
};
const declare = (known: TopicDefinition | null, declaration: TopicDeclaration) =>
  declareTopic(known, 'default', 'orders', declaration, 9);

describe('declaring a topic', () => {
  it('that there is not makes it, with defaults for what is not said', () => {
    expect(declare(null, { partitions: 2 })).toEqual({
      isNew: true,
      definition: { ...existing, id: 9, version: 9, config: { ...TOPIC_DEFAULTS, partitions: 2 } },
    });
  });

  it.each<[TopicDeclaration, string[], string]>([
    [{}, [], 'nothing is said'],
    [{ partitions: 4 }, [], 'what is said is so'],
    [{ partitions: 4, retention_ms: 5_000 }, [], 'all of it'],
    [{ partitions: undefined } as unknown as TopicDeclaration, [], 'undefined says nothing'],
    [{ partitions: 5 }, ['partitions'], 'more partitions'],
    [{ partitions: 3 }, ['partitions'], 'fewer'],
    [{ retention_ms: null }, ['retention_ms'], 'no limit is another limit'],
    [
      { partitions: 5, cleanup_policy: 'compact' },
      ['partitions', 'cleanup_policy'],
      'all that differs is told',
    ],
    [{ location_hint: 'weur' }, ['location_hint'], 'also what never changes'],
  ])('%j agrees but for %j: %s', (declaration, fields) => {
    const declared = declare(existing, declaration);
    if (fields.length === 0) expect(declared).toEqual({ definition: existing, isNew: false });
    else {
      expect(declared).toMatchObject({
        code: 'topic_differs',
        details: { differing: fields.map((field) => ({ field })) },
      });
    }
  });
});

describe('changing a topic', () => {
  it.each<[TopicChange, Partial<TopicConfig> | string | null, string]>([
    [{}, null, 'nothing changes'],
    [{ partitions: 4 }, null, 'nor where it is so already'],
    [{ partitions: 5 }, { partitions: 5 }, 'partitions can be added'],
    [{ partitions: 3 }, 'partitions_cannot_shrink', 'but not removed'],
    [{ partitions: 3, retention_ms: 9_000 }, 'partitions_cannot_shrink', 'then nothing else changes either'],
    [{ retention_ms: null }, { retention_ms: null }, 'limits can go'],
    [{ cleanup_policy: 'compact' }, { cleanup_policy: 'compact' }, 'and policies change'],
  ])('%j makes %j: %s', (change, expected) => {
    const changed = changeTopic(existing, change, 9);
    if (expected === null) expect(changed).toBe(existing);
    else if (typeof expected === 'string') expect(isFailure(changed) && changed.code).toBe(expected);
    else expect(changed).toEqual({ ...existing, version: 9, config: { ...existing.config, ...expected } });
  });
});

describe('a topic', () => {
  it.each([
    ['delete', false],
    ['compact', true],
    ['compact,delete', true],
  ] as const)('of policy %s is compacted: %s', (cleanup_policy, expected) => {
    expect(isCompacted({ ...TOPIC_DEFAULTS, cleanup_policy })).toBe(expected);
  });

  it('that is made again has other objects', () => {
    expect(partitionObjectName(existing, 2)).toBe('default/orders/2#3');
    expect(partitionObjectName({ ...existing, id: 9 }, 2)).not.toBe(partitionObjectName(existing, 2));
  });
});
