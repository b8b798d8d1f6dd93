/** Any text: of all code points but half surrogates. A unit of `fc.string` that means the same first counts them all, for half a second. */

import fc from 'fast-check';

const codePoint = fc.integer({ min: 0, max: 0x10_ff_ff });

export function anyText(constraints: fc.ArrayConstraints = {}): fc.Arbitrary<string> {
  return fc.array(codePoint, constraints).map((points) => String.fromCodePoint(...points).toWellFormed());
}
