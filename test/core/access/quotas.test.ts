import { expect, it } from 'vitest';
import { rateOf } from '../../../core/access/quotas.ts';

it.each([
  ['its own rate', { publishPerS: 5, deliverPerS: 7 }, 5, 7],
  ['one of the two', { deliverPerS: 7 }, null, 7],
  ['no limit', { publishPerS: null }, null, null],
  ['none at all', { publishPerS: 0 }, 0, null],
])('a quota sets %s', (_, quotas, publish, deliver) => {
  expect([rateOf(quotas, 'publish'), rateOf(quotas, 'deliver')]).toEqual([publish, deliver]);
});
