/** The limit of unknown tokens, over a directory that counts what it is asked. */

import { beforeEach, describe, expect, it } from 'vitest';
import { isFailure } from '../../../protocol/errors.ts';
import { ID_RANDOM_BYTES, idFromBytes } from '../../../protocol/access/token-format.ts';
import { lookUpLimited } from '../../../workers/access/unknown-tokens.ts';
import { randomFrom } from '../../crash/random.ts';
import { CountingDirectory, madeToken } from '../../support/counting-directory.ts';

const random = randomFrom(7);
const directory = new CountingDirectory();
const madeUp = (): string =>
  idFromBytes(Uint8Array.from({ length: ID_RANDOM_BYTES }, () => Math.floor(random() * 256)));

/** Each test begins when nobody owes anything any more. */
let nowMs = 1_000_000;
beforeEach(() => {
  nowMs += 3_600_000;
});

type Found = 'found' | 'absent' | 'refused';
async function lookUp(id: string, address: string): Promise<Found> {
  const known = await lookUpLimited(directory.env, id, address, nowMs);
  if (known === null) return 'absent';
  return isFailure(known) ? 'refused' : 'found';
}

/** @returns how many questions the directory was asked meanwhile */
async function flood(seconds: number, addressOf: (nth: number) => string): Promise<number> {
  const before = directory.questions;
  for (let nth = 0; nth < seconds * 1_000; nth++, nowMs += 1) await lookUp(madeUp(), addressOf(nth));
  return directory.questions - before;
}

describe('made-up tokens', () => {
  it('of one address are asked about 20 times a second, and keep none of another address out', async () => {
    const questions = await flood(10, () => '192.0.2.1');
    expect(questions).toBeGreaterThan(190);
    expect(questions).toBeLessThan(230);
    const { token } = await madeToken(random);
    directory.add(token);
    expect(await lookUp(token.id, '192.0.2.2')).toBe('found');
    await lookUp(madeUp(), '192.0.2.1'); // it may be the one that the flood has left
    expect(await lookUp(madeUp(), '192.0.2.1')).toBe('refused');
  });

  it('of many addresses are asked about 200 times a second', async () => {
    const questions = await flood(10, (nth) => `192.0.${nth >> 8}.${nth & 255}`);
    expect(questions).toBeGreaterThan(1_900);
    expect(questions).toBeLessThan(2_300);
  });

  it('that come at the same time are a debt of their address, and of 1 s at most for all others', async () => {
    const many = await Promise.all(Array.from({ length: 2_000 }, () => lookUp(madeUp(), '198.51.100.1')));
    expect(new Set(many)).toEqual(new Set(['absent']));
    const { token } = await madeToken(random);
    directory.add(token);
    expect(await lookUp(token.id, '198.51.100.2')).toBe('refused');
    const refused = await lookUpLimited(directory.env, token.id, '198.51.100.2', nowMs);
    expect(refused).toMatchObject({ code: 'too_many_unknown_tokens', details: { retry_after_s: 2 } });
    nowMs += 2_000;
    expect(await lookUp(token.id, '198.51.100.2')).toBe('found');
    expect(await lookUp(madeUp(), '198.51.100.1')).toBe('refused');
  });
});

describe('a token that exists', () => {
  it('passes while it is known, whatever else comes', async () => {
    const { token } = await madeToken(random);
    directory.add(token);
    expect(await lookUp(token.id, '203.0.113.1')).toBe('found');
    await flood(1, () => '203.0.113.1');
    expect(await lookUp(token.id, '203.0.113.1')).toBe('found');
  });

  it('is never counted, however many come to an isolate that knows none of them', async () => {
    const made = await Promise.all(Array.from({ length: 1_000 }, () => madeToken(random)));
    for (const { token } of made) directory.add(token);
    const found = await Promise.all(made.map(({ token }) => lookUp(token.id, '203.0.113.2')));
    expect(new Set(found)).toEqual(new Set(['found']));
    expect(await lookUp(madeUp(), '203.0.113.2')).toBe('absent');
  });
});
