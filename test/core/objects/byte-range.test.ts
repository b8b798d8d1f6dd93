/** Which bytes of an object a `Range` header names. */

import { expect, it } from 'vitest';
import { byteRange } from '../../../core/objects/byte-range.ts';

it.each([
  [undefined, null],
  ['bytes=0-0', { offset: 0, length: 1 }],
  ['bytes=2-', { offset: 2, length: 8 }],
  ['bytes=2-100', { offset: 2, length: 8 }],
  ['bytes=-3', { offset: 7, length: 3 }],
  ['bytes=-30', { offset: 0, length: 10 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-4', null],
  ['bytes=0-1,3-4', null],
  ['lines=0-1', null],
  ['bytes=', null],
])('reads %s of ten bytes', (header, expected) => {
  expect(byteRange(header, 10)).toEqual(expected);
});

it('finds no bytes in an empty object', () => {
  expect(byteRange('bytes=0-', 0)).toBe('unsatisfiable');
  expect(byteRange('bytes=-1', 0)).toBe('unsatisfiable');
});
