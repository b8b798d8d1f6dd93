/**
 * The form of a token: `ph_<id>_<secret><checksum>`, always 66 characters of ASCII.
 *
 *   id         16 characters of 0-9 a-z; names the token, is not secret, and stands in logs and audits
 *   secret     40 characters of 0-9 A-Z a-z, 238 bits; the broker keeps only the SHA-256 of the whole token
 *   checksum   6 characters, base 62: the CRC-32C of everything before it, so that a token with a typing error, a
 *              truncated one, and whatever else looks like one is refused before anything is looked up
 *
 * The fixed prefix lets scanners of source code find leaked tokens.
 */

import { crc32c } from '../record-batch/primitives/crc32c.ts';

/** The query parameter that carries a token where browsers send no headers. */
export const ACCESS_TOKEN_PARAMETER = 'access_token';

export const TOKEN_PREFIX = 'ph_';
export const TOKEN_ID_LENGTH = 16;
export const TOKEN_SECRET_LENGTH = 40;
const CHECKSUM_LENGTH = 6;
const SECRET_AT = TOKEN_PREFIX.length + TOKEN_ID_LENGTH + 1;
const CHECKSUM_AT = SECRET_AT + TOKEN_SECRET_LENGTH;
export const TOKEN_LENGTH = CHECKSUM_AT + CHECKSUM_LENGTH;

/** In the order of their values as digits. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

const ID_PATTERN = /^[0-9a-z]{16}$/;
const TOKEN_PATTERN = /^ph_[0-9a-z]{16}_[0-9A-Za-z]{46}$/;

/** Returns the id of a well-formed token, or null. The cost does not depend on the length of `text`. */
export function tokenIdOf(text: string): string | null {
  if (text.length !== TOKEN_LENGTH || !TOKEN_PATTERN.test(text)) return null;
  if (text.slice(CHECKSUM_AT) !== checksumOf(text.slice(0, CHECKSUM_AT))) return null;
  return text.slice(TOKEN_PREFIX.length, TOKEN_PREFIX.length + TOKEN_ID_LENGTH);
}

/** Returns true for what can be the id of a token, whether one has it or not. */
export function isTokenId(text: string): boolean {
  return ID_PATTERN.test(text);
}

/**
 * Returns a token.
 *
 * @param id as `idFromBytes` returns it
 * @param secretBytes random bytes for the secret, as many as `secretFromBytes` needs
 */
export function formatToken(id: string, secretBytes: Uint8Array): string {
  const start = `${TOKEN_PREFIX}${id}_${digitsFrom(secretBytes, TOKEN_SECRET_LENGTH, DIGITS)}`;
  return start + checksumOf(start);
}

/** Returns an id from random bytes. */
export function idFromBytes(randomBytes: Uint8Array): string {
  return digitsFrom(randomBytes, TOKEN_ID_LENGTH, ID_DIGITS);
}

/** How many random bytes an id or a secret needs at most: two a character, so that no digit is more likely than others. */
export const ID_RANDOM_BYTES = 2 * TOKEN_ID_LENGTH;
export const SECRET_RANDOM_BYTES = 2 * TOKEN_SECRET_LENGTH;

/** Sixteen bits a digit: the most likely digit is chosen at most 0.1 % more often than the least likely one. */
function digitsFrom(randomBytes: Uint8Array, length: number, digits: string): string {
  if (randomBytes.length < 2 * length) throw new RangeError(`${2 * length} random bytes are needed`);
  let text = '';
  for (let index = 0; index < length; index++) {
    const value = randomBytes[2 * index]! * 256 + randomBytes[2 * index + 1]!;
    text += digits[value % digits.length]!;
  }
  return text;
}

/** 62^6 is more than 2^32. */
function checksumOf(text: string): string {
  let value = crc32c(new TextEncoder().encode(text)) >>> 0;
  let checksum = '';
  for (let index = 0; index < CHECKSUM_LENGTH; index++) {
    checksum = DIGITS[value % DIGITS.length]! + checksum;
    value = Math.floor(value / DIGITS.length);
  }
  return checksum;
}
