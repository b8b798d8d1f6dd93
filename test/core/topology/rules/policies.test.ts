import { describe, expect, it } from 'vitest';
import {
  effectiveConfig,
  policyFor,
  type PolicyDefinition,
} from '../../../../core/topology/rules/policies.ts';
import { QUEUE_DEFAULTS } from '../../../../protocol/schemas/queues.ts';

const policy = (name: string, fields: Partial<PolicyDefinition> = {}): PolicyDefinition => ({
  name,
  pattern: '*',
  priority: 0,
  definition: { max_length: 10 },
  version: 1,
  ...fields,
});

describe('the policy that applies', () => {
  it('is the one of highest priority that matches', () => {
    const policies = [
      policy('low'),
      policy('high', { priority: 2 }),
      policy('other', { priority: 9, pattern: 'x*' }),
    ];
    expect(policyFor(policies, 'orders')?.name).toBe('high');
    expect(policyFor(policies, 'xylo')?.name).toBe('other');
  });

  it('is the first by name among equals, whatever their order', () => {
    expect(policyFor([policy('b'), policy('a')], 'orders')?.name).toBe('a');
    expect(policyFor([policy('a'), policy('b')], 'orders')?.name).toBe('a');
  });

  it('may be none', () => {
    expect(policyFor([policy('a', { pattern: 'x' })], 'orders')).toBeNull();
  });
});

describe('what a queue works with', () => {
  it('is the defaults without anything', () => {
    expect(effectiveConfig({}, null)).toEqual(QUEUE_DEFAULTS);
  });

  it('is the lower of two limits, where null is none', () => {
    const of = (given: number | null | undefined, set: number | null) =>
      effectiveConfig(
        given === undefined ? {} : { max_length: given },
        policy('p', { definition: { max_length: set } }),
      ).max_length;
    expect(of(5, 10)).toBe(5);
    expect(of(50, 10)).toBe(10);
    expect(of(null, 10)).toBe(10);
    expect(of(undefined, 10)).toBe(10);
    expect(of(5, null)).toBe(5);
    expect(of(0, 10)).toBe(0);
  });

  it("is the queue's own where both say something that is no limit", () => {
    const given = { overflow: 'reject-publish' } as const;
    const config = effectiveConfig(
      given,
      policy('p', { definition: { overflow: 'drop-head', dead_letter: 'none' } }),
    );
    expect(config).toMatchObject({ overflow: 'reject-publish', dead_letter: 'none' });
  });

  it("is the policy's where the queue leaves a setting to it", () => {
    const given = {
      overflow: 'reject-publish',
      dead_letter: 'none',
      unless_policy: ['overflow', 'dead_letter'],
    } as const;
    const of = (definition: PolicyDefinition['definition']) =>
      effectiveConfig({ ...given, unless_policy: [...given.unless_policy] }, policy('p', { definition }));
    expect(of({ dead_letter: { exchange: 'x' } })).toMatchObject({
      overflow: 'reject-publish',
      dead_letter: { exchange: 'x' },
    });
    expect(of({ overflow: 'drop-head', retry: { schedule_ms: [] } })).toMatchObject({
      overflow: 'drop-head',
      dead_letter: 'none',
      retry: { schedule_ms: [] },
    });
    expect(of({ dead_letter: null }).dead_letter).toBeNull();
  });
});
