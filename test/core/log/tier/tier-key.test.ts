import { expect, it } from 'vitest';
import { namespaceTierPrefix, tierKey, tierPrefix } from '../../../../core/log/tier/tier-key.ts';

it('puts the objects of a partition, a topic and a namespace below a prefix each, in the order of their offsets', () => {
  const prefix = tierPrefix({ namespace: 'team', id: 7 }, 3);
  expect(prefix).toBe('tiers/team/7/3/');
  expect(prefix.startsWith(namespaceTierPrefix('team'))).toBe(true);
  expect(namespaceTierPrefix('team-b').startsWith(namespaceTierPrefix('team'))).toBe(false);
  expect(tierPrefix({ namespace: 'team', id: 7 }, 30).startsWith(prefix)).toBe(false);
  expect(tierKey(9, 'b') < tierKey(10, 'a')).toBe(true);
  expect(tierKey(Number.MAX_SAFE_INTEGER, 'x')).toBe('9007199254740991-x');
});
