/** The cache of the directory, over a directory that counts what it is asked. */

import { expect, it, vi } from 'vitest';
import type { Namespace } from '../../../core/access/namespace.ts';
import { idFromBytes } from '../../../protocol/access/token-format.ts';
import { randomFrom } from '../../crash/random.ts';
import { CountingDirectory, madeToken } from '../../support/counting-directory.ts';

// A cache of its own: other files of this process have filled theirs.
vi.resetModules();
const { forget, lookUpNamespace, lookUpToken, noteUse, publishLimitsOf } =
  await import('../../../workers/access/directory-cache.ts');

const NOW = 1_000_000;

it('keeps the tokens that exist, however many ids somebody makes up', async () => {
  const random = randomFrom(1);
  const directory = new CountingDirectory();
  const { token } = await madeToken(random);
  directory.add(token);
  expect((await lookUpToken(directory.env, token.id, NOW))?.token.id).toBe(token.id);
  for (let made = 0; made < 12_000; made++) {
    const id = idFromBytes(Uint8Array.from({ length: 32 }, () => random() * 256));
    expect(await lookUpToken(directory.env, id, NOW)).toBeNull();
  }
  const before = directory.questions;
  expect((await lookUpToken(directory.env, token.id, NOW))?.token.id).toBe(token.id);
  expect(directory.questions).toBe(before);
});

it('asks once about a token that does not exist, and again after 5 s', async () => {
  const directory = new CountingDirectory();
  const id = 'n'.repeat(16);
  const ask = async (nowMs: number): Promise<number> => {
    expect(await lookUpToken(directory.env, id, nowMs)).toBeNull();
    return directory.questions;
  };
  expect(await ask(NOW)).toBe(1);
  expect(await ask(NOW + 5_000)).toBe(1);
  const { token } = await madeToken(randomFrom(2), id);
  directory.add(token);
  expect((await lookUpToken(directory.env, id, NOW + 5_001))?.token.id).toBe(id);
});

it('reports the uses of many tokens in bounded questions, and forgets those of the namespaces that have changed', async () => {
  const random = randomFrom(3);
  const directory = new CountingDirectory();
  const later = NOW + 3_600_000;
  const made = await Promise.all(Array.from({ length: 3_000 }, () => madeToken(random)));
  for (const { token } of made) {
    directory.add(token);
    await lookUpToken(directory.env, token.id, later);
  }
  for (const { token } of made) noteUse(token, later);
  const id = made[0]!.token.id;
  const before = directory.questions;
  await lookUpToken(directory.env, id, later + 31_000);
  expect(directory.reported.at(-1)).toBe(2_000);
  expect(directory.questions).toBe(before + 1);
  directory.changes = Array.from({ length: 1_000 }, (_, index) => ({
    kind: 'namespace',
    name: index === 500 ? 'default' : `other-${index}`,
  }));
  await lookUpToken(directory.env, id, later + 62_000);
  // For the changes, and for the token, whose namespace is among them.
  expect(directory.questions).toBe(before + 3);
});

it('keeps the limits of a namespace that has changed for the calls under way, and asks for the next', async () => {
  const directory = new CountingDirectory();
  const limited = (bytes: number): Namespace => ({
    name: 'team',
    createdMs: 0,
    quotas: { counts: { stored_bytes: bytes } },
  });
  directory.namespace = limited(1);
  await lookUpNamespace(directory.env, 'team', NOW);
  forget({ kind: 'namespace', name: 'team' });
  directory.namespace = limited(2);
  expect(publishLimitsOf('team')).toEqual({ storedBytesMax: 1 });
  await lookUpNamespace(directory.env, 'team', NOW);
  expect(publishLimitsOf('team')).toEqual({ storedBytesMax: 2 });
});
