/** Logins by SCRAM: who gets a session, from which messages, and what a session is good for. */

import { timingSafeEqual } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Token } from '../../../../core/access/token.ts';
import { isFailure, type Failure } from '../../../../protocol/errors.ts';
import type { ScramRequest, ScramSession } from '../../../../workers/access/login/scram-exchange.ts';
import { randomFrom } from '../../../crash/random.ts';
import { CountingDirectory, madeToken } from '../../../support/counting-directory.ts';
import { ScramClient } from '../../../support/scram-client.ts';

// A cache of its own, which other files of this process do not see either.
vi.resetModules();
const { forget } = await import('../../../../workers/access/directory-cache.ts');
const { beginScram, finishScram } = await import('../../../../workers/access/login/scram-exchange.ts');
const { verifierOf } = await import('../../../../workers/access/login/scram-verifier.ts');
const { identityBySession } = await import('../../../../workers/access/login/sessions.ts');
vi.resetModules();

const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const HOUR_MS = 3_600_000;
const random = randomFrom(11);
const directory = new CountingDirectory({ POSTHORN_ROOT_TOKEN: 'first' });
const { env } = directory;

let nowMs = Date.UTC(2026, 10, 28);
let secret: string;
let token: Token;

const knownToken = async (changes: Partial<Token> = {}): Promise<{ text: string; token: Token }> => {
  const made = await madeToken(random, undefined, changes);
  const full = { ...made.token, scram: await verifierOf(made.text, SALT) };
  directory.add(full);
  return { text: made.text, token: full };
};

const change = (changed: Token): void => {
  directory.add(changed);
  forget({ kind: 'token', name: changed.id });
};

beforeAll(() => {
  Object.assign(crypto.subtle, { timingSafeEqual });
});
beforeEach(async () => {
  nowMs += 100 * HOUR_MS;
  ({ text: secret, token } = await knownToken());
});

const requestOf = (
  { mechanism, clientFirst }: ScramClient,
  binder = 'a binder of this exchange',
): ScramRequest => ({
  mechanism,
  binder,
  clientFirst,
  address: '192.0.2.1',
});

async function begun(client: ScramClient): Promise<string> {
  const first = await beginScram(env, requestOf(client), nowMs);
  if (isFailure(first)) throw new Error(first.message);
  return first;
}

async function logIn(user: string, password: string, mechanism: ScramClient['mechanism'] = 'SCRAM-SHA-256') {
  const client = new ScramClient(mechanism, user, password);
  const final = client.clientFinal(await begun(client));
  return { client, done: await finishScram(env, requestOf(client), final, nowMs) };
}

const session = async (user = token.id, password = secret): Promise<ScramSession> => {
  const { done } = await logIn(user, password);
  if (isFailure(done)) throw new Error(done.message);
  return done;
};

const whoIs = (credential: string, in_ = env) => identityBySession(in_, credential, '192.0.2.1', nowMs);

describe('who knows the secret of a token', () => {
  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('gets a session by %s', async (mechanism) => {
    const { client, done } = await logIn(token.id, secret, mechanism);
    expect(done).toMatchObject({
      serverFinal: client.serverFinal,
      namespace: 'default',
      endsMs: nowMs + HOUR_MS,
    });
    expect(await whoIs((done as ScramSession).credential)).toEqual({
      kind: 'token',
      id: token.id,
      name: token.name,
      namespace: 'default',
      scopes: token.scopes,
      expiresMs: nowMs + HOUR_MS,
    });
  });

  it('gets one too if the client says its own nonce twice, as librdkafka before 2.6.1', async () => {
    const client = new ScramClient('SCRAM-SHA-256', token.id, secret);
    const own = client.clientFirst.split('r=')[1]!;
    const final = client.clientFinal(await begun(client), own);
    expect(await finishScram(env, requestOf(client), final, nowMs)).toMatchObject({
      serverFinal: client.serverFinal,
    });
  });

  it('may say the namespace of the token, and no other', async () => {
    expect((await logIn(`default/${token.id}`, secret)).done).toMatchObject({ namespace: 'default' });
    expect((await logIn(`other/${token.id}`, secret)).done).toMatchObject({ code: 'unauthenticated' });
  });

  it('gets the same session as others that begin in the same minute', async () => {
    const { credential } = await session();
    expect((await session()).credential).toBe(credential);
    nowMs += 61_000;
    expect((await session()).credential).not.toBe(credential);
  });
});

describe('nobody gets a session', () => {
  it.each([
    ['with another secret', () => [token.id, `${secret.slice(0, -1)}!`]],
    ['with the secret of another token', async () => [token.id, (await knownToken()).text]],
    ['for a token that does not exist', () => ['0'.repeat(16), secret]],
    ['with the token as the user', () => [secret, secret]],
    ['for the root token', () => ['root', 'first']],
    ['for no user that is a token', () => ['me', secret]],
  ])('%s', async (_, loginOf) => {
    const [user, password] = (await loginOf()) as [string, string];
    expect((await logIn(user, password)).done).toMatchObject({ code: 'unauthenticated' });
  });

  it('for a token that was made before, and is told what to do, as everybody is', async () => {
    const old = await madeToken(random);
    directory.add(old.token);
    const refused = (await logIn(old.token.id, old.text)).done as Failure;
    expect(refused.message).toContain('rotated');
    expect((await logIn('0'.repeat(16), secret)).done).toEqual(refused);
    expect((await logIn(token.id, 'wrong')).done).toEqual(refused);
  });

  it('for a token that was revoked or has expired', async () => {
    change({ ...token, revokedMs: nowMs });
    expect((await logIn(token.id, secret)).done).toMatchObject({ message: 'the token was revoked' });
    change({ ...token, expiresMs: nowMs });
    expect((await logIn(token.id, secret)).done).toMatchObject({ message: 'the token has expired' });
  });

  it.each([
    ['from another caller', (request: ScramRequest) => ({ ...request, binder: 'another binder for it' })],
    [
      'by another first message',
      (request: ScramRequest) => ({ ...request, clientFirst: `${request.clientFirst},x=1` }),
    ],
    ['after a minute', (request: ScramRequest) => ((nowMs += 60_000), request)],
  ])('by the messages of another exchange: %s', async (_, changed) => {
    const client = new ScramClient('SCRAM-SHA-256', token.id, secret);
    const final = client.clientFinal(await begun(client));
    expect(await finishScram(env, changed(requestOf(client)), final, nowMs)).toMatchObject({
      code: 'unauthenticated',
      message: expect.stringContaining('begin again') as string,
    });
  });

  it('by a nonce that the broker has not made', async () => {
    const client = new ScramClient('SCRAM-SHA-256', token.id, secret);
    const first = await begun(client);
    const forged = client.clientFinal(first.replace(/\.[^,]+,/, `.${'A'.repeat(24)}.${'B'.repeat(43)},`));
    expect(await finishScram(env, requestOf(client), forged, nowMs)).toMatchObject({
      code: 'unauthenticated',
    });
    const own = client.clientFinal(first.replace(/r=[^,]+/, client.clientFirst.split(',').at(-1)!));
    expect(await finishScram(env, requestOf(client), own, nowMs)).toMatchObject({ code: 'unauthenticated' });
  });

  it('by a message that is none', async () => {
    const client = new ScramClient('SCRAM-SHA-256', token.id, secret);
    const broken = { ...requestOf(client), clientFirst: 'p=tls-unique,,n=x,r=y' };
    expect(await beginScram(env, broken, nowMs)).toMatchObject({ code: 'invalid_field' });
    expect(await finishScram(env, requestOf(client), 'v=1', nowMs)).toMatchObject({ code: 'invalid_field' });
  });
});

it('a user that does not exist has a salt that stays, as if it did', async () => {
  const saltOf = async (user: string): Promise<string> =>
    /s=([^,]+)/.exec(await begun(new ScramClient('SCRAM-SHA-256', user, 'x')))![1]!;
  const salt = await saltOf('0'.repeat(16));
  expect(salt).toHaveLength(SALT.length);
  nowMs += HOUR_MS;
  expect(await saltOf('0'.repeat(16))).toBe(salt);
  expect(await saltOf('1'.repeat(16))).not.toBe(salt);
  const changed = { ...env, POSTHORN_ROOT_TOKEN: 'next' };
  const first = await beginScram(
    changed,
    requestOf(new ScramClient('SCRAM-SHA-256', '0'.repeat(16), 'x')),
    nowMs,
  );
  expect(first).toContain(`s=${salt},`);
});

describe('a session', () => {
  it('ends after an hour, and with its token', async () => {
    const { credential, endsMs } = await session();
    change({ ...token, revokedMs: nowMs });
    expect(await whoIs(credential)).toMatchObject({ message: 'the token was revoked' });
    change(token);
    expect(await whoIs(credential)).toMatchObject({ id: token.id });
    nowMs = endsMs;
    expect(await whoIs(credential)).toMatchObject({
      message: expect.stringContaining('log in again') as string,
    });
  });

  it('ends when its token expires', async () => {
    const soon = await knownToken({ expiresMs: nowMs + 5_000 });
    expect((await session(soon.token.id, soon.text)).endsMs).toBe(nowMs + 5_000);
  });

  it('ends with the secret that it was got by', async () => {
    const { credential } = await session();
    const next = await madeToken(random, token.id);
    const untilMs = nowMs + 10_000;
    const { digest, scram } = token;
    const rotated: Token = {
      ...next.token,
      scram: await verifierOf(next.text, SALT),
      previous: { digest, untilMs, scram: scram! },
    };
    change(rotated);
    expect(await whoIs(credential)).toMatchObject({ id: token.id });
    // Both secrets log in, by the same first message of the server.
    expect((await session(token.id, secret)).endsMs).toBe(untilMs);
    const { credential: lasting } = await session(token.id, next.text);
    nowMs = untilMs;
    expect(await whoIs(credential)).toMatchObject({ code: 'unauthenticated' });
    expect(await whoIs(lasting)).toMatchObject({ id: token.id });
    expect((await logIn(token.id, secret)).done).toMatchObject({ code: 'unauthenticated' });
    change({ ...rotated, previous: null });
    expect(await whoIs(credential)).toBeNull();
  });

  it('is signed by the deployment, and by its root token while that is good', async () => {
    const { credential } = await session();
    const others = (roots: string) => whoIs(credential, { ...env, POSTHORN_ROOT_TOKEN: roots });
    expect(await others('next, first')).toMatchObject({ id: token.id });
    expect(await others('next')).toBeNull();
    const [, id, end, signature] = credential.split('_') as [string, string, string, string];
    for (const forged of [
      `ps_${id}_${end}_${signature.slice(1)}A`,
      `ps_${id}_${(parseInt(end, 36) + 1).toString(36)}_${signature}`,
      `ps_${(await knownToken()).token.id}_${end}_${signature}`,
      'ps_',
    ])
      expect(await whoIs(forged)).toBeNull();
  });
});
