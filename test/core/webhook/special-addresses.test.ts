/** Addresses at the borders of the special blocks: the last before, the first and last in, the first after. */

import { describe, expect, it } from 'vitest';
import { isSpecialV4, isSpecialV6 } from '../../../core/webhook/special-addresses.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const V4 = rowsOf<'before' | 'first' | 'last' | 'after' | 'block'>(`
  before          | first         | last            | after         | block
                  | 0.0.0.0       | 0.255.255.255   | 1.0.0.0       | this network
  9.255.255.255   | 10.0.0.0      | 10.255.255.255  | 11.0.0.0      | private
  100.63.255.255  | 100.64.0.0    | 100.127.255.255 | 100.128.0.0   | carriers
  126.255.255.255 | 127.0.0.0     | 127.255.255.255 | 128.0.0.0     | loopback
  168.63.129.15   | 168.63.129.16 | 168.63.129.16   | 168.63.129.17 | a host agent
  169.253.255.255 | 169.254.0.0   | 169.254.255.255 | 169.255.0.0   | link local
  172.15.255.255  | 172.16.0.0    | 172.31.255.255  | 172.32.0.0    | private
  191.255.255.255 | 192.0.0.0     | 192.0.0.255     | 192.0.1.0     | protocol assignments
  192.0.1.255     | 192.0.2.0     | 192.0.2.255     | 192.0.3.0     | documentation
  192.167.255.255 | 192.168.0.0   | 192.168.255.255 | 192.169.0.0   | private
  198.17.255.255  | 198.18.0.0    | 198.19.255.255  | 198.20.0.0    | benchmarks
  223.255.255.255 | 224.0.0.0     | 255.255.255.255 |               | multicast and the rest
`);

describe('an IPv4 address', () => {
  it.each(V4)('from $first to $last is special: $block', ({ before, first, last, after }) => {
    expect([first, last].map(isSpecialV4)).toEqual([true, true]);
    for (const outside of [before, after])
      if (outside !== '') expect(isSpecialV4(outside), outside).toBe(false);
  });
});

describe('an IPv6 address', () => {
  it.each([
    ['::', true, 'none'],
    ['::1', true, 'loopback'],
    ['::ffff:808:808', true, 'carries an IPv4 address'],
    ['1fff:ffff::', true, 'not given out'],
    ['2000::', false, 'given out'],
    ['2001:0:1::', true, 'Teredo'],
    ['2001:1ff:ffff::', true, 'the last protocol assignment'],
    ['2001:200::', false, 'the first after them'],
    ['2001:db8::1', true, 'documentation'],
    ['2001:db9::', false, 'after it'],
    ['2002::', true, '6to4'],
    ['2003::', false, 'after it'],
    ['2606:4700:4700::1111', false, 'public'],
    ['2001:470:1:2:3:4:5:6', false, 'all groups written'],
    ['3ffe::', true, 'the former test network'],
    ['3fff::', true, 'documentation'],
    ['3fff:1000::', false, 'after it'],
    ['4000::', true, 'not given out'],
    ['fd00::1', true, 'private'],
    ['fe80::1', true, 'link local'],
    ['ff02::1', true, 'multicast'],
  ])('%s is special: %s, %s', (address, expected) => expect(isSpecialV6(address)).toBe(expected));
});
