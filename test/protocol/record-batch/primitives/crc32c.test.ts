import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../protocol/record-batch/index.ts';
import { utf8 } from '../support/helpers.ts';

/** Straight from the definition: one bit at a time. */
function naive(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const iscsiRead = Uint8Array.from(
  (
    '01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018 28000000 00000000 02000000 00000000'
      .replaceAll(' ', '')
      .match(/../g) ?? []
  ).map((hex) => Number.parseInt(hex, 16)),
);

describe('crc32c', () => {
  it.each([
    ['nothing', new Uint8Array(0), 0],
    ['RFC 3720 B.4: 32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['RFC 3720 B.4: 32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['RFC 3720 B.4: incrementing', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['RFC 3720 B.4: decrementing', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['RFC 3720 B.4: an iSCSI read command', iscsiRead, 0xd9963a56],
    ['the check value of the CRC catalogues: 123456789', utf8('123456789'), 0xe3069283],
    ["Kafka's Crc32CTest: Some String", utf8('Some String'), 608512271],
  ])('%s', (_, bytes, value) => {
    expect(crc32c(bytes).toString(16)).toBe(value.toString(16));
    expect(naive(bytes).toString(16)).toBe(value.toString(16));
  });

  it('agrees with the definition at every length to 700, alignment and offset', () => {
    const pool = Uint8Array.from({ length: 720 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
    for (let length = 0; length <= 700; length++) {
      const start = length % 19;
      const shifted = pool.subarray(length % 5);
      const end = Math.min(start + length, shifted.length);
      expect(crc32c(shifted, start, end)).toBe(naive(shifted.subarray(start, end)));
    }
  });

  it('continues over any split', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (bytes, cut) => {
        const middle = Math.min(cut, bytes.length);
        const first = crc32c(bytes, 0, middle);
        expect(crc32c(bytes, middle, bytes.length, first)).toBe(crc32c(bytes));
      }),
    );
  });
});
