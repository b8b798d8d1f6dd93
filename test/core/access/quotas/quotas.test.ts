import { expect, it } from 'vitest';
import { COUNT_QUOTAS, rateOf, refuseMore } from '../../../../core/access/quotas/quotas.ts';

it.each([
  ['its own rate', { publishPerS: 5, deliverPerS: 7 }, 5, 7],
  ['one of the two', { deliverPerS: 7 }, null, 7],
  ['no limit', { publishPerS: null }, null, null],
  ['none at all', { publishPerS: 0 }, 0, null],
])('a quota sets %s', (_, quotas, publish, deliver) => {
  expect([rateOf(quotas, 'publish'), rateOf(quotas, 'deliver')]).toEqual([publish, deliver]);
});

it.each([
  ['without a limit', {}, 1_000, 1_000, true],
  ['up to the limit', { queues: 10 }, 8, 2, true],
  ['not one above it', { queues: 10 }, 9, 2, false],
  ['nothing at a limit of zero', { queues: 0 }, 0, 1, false],
  ['none more where there are more than allowed', { queues: 10 }, 20, 1, false],
  ['no more of what is already there', { queues: 10 }, 20, 0, true],
  ['fewer at any time', { queues: 10 }, 20, -5, true],
  ['as many as one likes of another kind', { topics: 0 }, 20, 1, true],
] as const)('a count quota allows %s', (_, limits, used, more, isAllowed) => {
  const refused = refuseMore(limits, 'queues', used, more);
  expect(refused).toEqual(
    isAllowed
      ? null
      : expect.objectContaining({
          code: 'quota_exceeded',
          details: { quota: 'queues', limit: (limits as { queues?: number }).queues, used },
        }),
  );
});

it('every count has a quota of its own', () => {
  for (const what of COUNT_QUOTAS)
    expect(refuseMore({ [what]: 0 }, what, 0, 1)?.details?.['quota']).toBe(what);
});
