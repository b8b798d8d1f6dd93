import { describe, expect, it } from 'vitest';
import {
  applyPolicies,
  changeQueueEntry,
  declareQueueEntry,
  type QueueEntry,
} from '../../../../core/topology/queues/queue-entry.ts';
import type { PolicyDefinition } from '../../../../core/topology/rules/policies.ts';
import type { QueueDeclaration } from '../../../../protocol/schemas/queues.ts';

const limit: PolicyDefinition = {
  name: 'limit',
  pattern: '*',
  priority: 0,
  definition: { max_length: 100 },
  version: 1,
};

const made = (declaration: QueueDeclaration, policies: PolicyDefinition[] = []): QueueEntry =>
  (declareQueueEntry(null, policies, 'default', 'q', declaration, 7) as { entry: QueueEntry }).entry;

describe('a queue under a policy', () => {
  it('begins with what both say', () => {
    const entry = made({ max_length: 500 }, [limit]);
    expect(entry).toMatchObject({ name: 'q', given: { max_length: 500 }, policy: 'limit' });
    expect(entry.definition).toMatchObject({ id: 7, version: 7, config: { max_length: 100 } });
  });

  it('is the same queue to those who declare it again as they did', () => {
    const entry = made({ max_length: 500 }, [limit]);
    expect(declareQueueEntry(entry, [limit], 'default', 'q', { max_length: 500 }, 8)).toEqual({
      entry,
      isNew: false,
    });
    expect(declareQueueEntry(entry, [limit], 'default', 'q', { max_length: 100 }, 8)).toMatchObject({
      code: 'queue_differs',
    });
  });

  it('gets a new version only when what it works with changes', () => {
    const entry = made({ max_length: 50 });
    const applied = applyPolicies(entry, [limit], 9);
    expect(applied.policy).toBe('limit');
    expect(applied.definition).toBe(entry.definition);
    expect(applyPolicies(applied, [limit], 9)).toBe(applied);
    const larger = applyPolicies(made({}), [limit], 9);
    expect(larger.definition).toMatchObject({ id: 7, version: 9, config: { max_length: 100 } });
  });

  it('goes back to what it was given when the policy goes', () => {
    const entry = made({ max_length: 500 }, [limit]);
    expect(applyPolicies(entry, [], 9)).toMatchObject({
      policy: null,
      definition: { version: 9, config: { max_length: 500 } },
    });
  });

  it('keeps a change of its own for when the policy goes', () => {
    const changed = changeQueueEntry(made({}, [limit]), [limit], { max_length: 300 }, 8);
    expect(changed.definition.config.max_length).toBe(100);
    expect(applyPolicies(changed, [], 9).definition.config.max_length).toBe(300);
    expect(changeQueueEntry(changed, [limit], { max_length: 300 }, 9)).toBe(changed);
  });
});
