import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatToken,
  ID_RANDOM_BYTES,
  idFromBytes,
  SECRET_RANDOM_BYTES,
  TOKEN_LENGTH,
  tokenIdOf,
} from '../../../protocol/access/token-format.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const tokens = fc
  .tuple(bytes(ID_RANDOM_BYTES), bytes(SECRET_RANDOM_BYTES))
  .map(([id, secret]) => formatToken(idFromBytes(id), secret));

describe('the form of a token', () => {
  it('gives back the id of whatever was formatted', () => {
    fc.assert(
      fc.property(bytes(ID_RANDOM_BYTES), bytes(SECRET_RANDOM_BYTES), (id, secret) => {
        const token = formatToken(idFromBytes(id), secret);
        expect(token).toHaveLength(TOKEN_LENGTH);
        expect(tokenIdOf(token)).toBe(idFromBytes(id));
      }),
    );
  });

  it('refuses a token with any one character changed, missing or added', () => {
    fc.assert(
      fc.property(tokens, fc.nat(TOKEN_LENGTH - 1), fc.string({ maxLength: 2 }), (token, at, other) => {
        const changed = token.slice(0, at) + other + token.slice(at + 1);
        fc.pre(changed !== token);
        expect(tokenIdOf(changed)).toBeNull();
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['a prefix', 'ph_'],
    ['a megabyte', 'p'.repeat(1 << 20)],
    ['a token with a line end', `${formatToken('0'.repeat(16), new Uint8Array(80))}\n`],
    ['full-width letters', formatToken('0'.repeat(16), new Uint8Array(80)).replace('ph', 'ｐｈ')],
    ['capitals in the id', formatToken('0'.repeat(16), new Uint8Array(80)).replace('ph_0', 'ph_A')],
  ])('refuses %s', (_what, text) => {
    expect(tokenIdOf(text)).toBeNull();
  });
});
