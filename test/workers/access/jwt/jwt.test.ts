/** JWTs of issuers on loopback: what they allow, which are refused, and what an issuer that fails does to calls. */

import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, importJWK, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../../protocol/errors.ts';
import { TestBroker, type Reply } from '../../../support/broker/test-broker.ts';
import { AUDIENCE, JwtIssuer, part } from '../jwt-issuer.ts';
import { basic, bearer, ROOT } from '../support.ts';

const QUEUES = '/v1/default/queues';

let broker: TestBroker;
/** The usual one; one for what its keys go through; one that fails; Cloudflare Access. */
let issuer: JwtIssuer;
let rotating: JwtIssuer;
let failing: JwtIssuer;
let access: JwtIssuer;
let aheadMs = 0;

beforeAll(async () => {
  [issuer, rotating, failing, access] = (await Promise.all(
    Array.from({ length: 4 }, () => JwtIssuer.start()),
  )) as [JwtIssuer, JwtIssuer, JwtIssuer, JwtIssuer];
  const settings = [
    { issuer: issuer.url, audience: ['another', AUDIENCE] },
    { issuer: rotating.url, audience: AUDIENCE, leeway_s: 0 },
    { issuer: failing.url, audience: AUDIENCE },
    {
      issuer: access.url,
      audience: AUDIENCE,
      jwks_url: `${access.url}/cdn-cgi/access/certs`,
      scopes_claim: 'custom.groups',
      scope_aliases: { ops: 'configure:default/*' },
      default_scopes: ['role:default/viewer'],
    },
  ];
  broker = await TestBroker.start({
    vars: { POSTHORN_ROOT_TOKEN: ROOT, POSTHORN_JWT: JSON.stringify(settings) },
    onLog: () => {},
  });
  await broker.call('PUT', '/admin/v1/namespaces/other', {}, bearer(ROOT));
});
afterAll(async () => {
  for (const each of [issuer, rotating, failing, access]) each.stop();
  await broker.stop();
});

const call = (
  method: string,
  path: string,
  jwt: string,
  headers?: Record<string, string>,
): Promise<Reply<ProblemDocument>> =>
  broker.call(method, path, method === 'GET' ? undefined : {}, headers ?? bearer(jwt));

/** A claim of time, by the clock of the broker. */
const inS = (seconds: number): number => Math.floor((Date.now() + aheadMs) / 1000) + seconds;

async function advance(ms: number): Promise<void> {
  aheadMs += ms;
  await broker.advance(ms);
}

describe('a JWT', () => {
  it('allows what its scopes say in the namespace of the path, and nothing elsewhere', async () => {
    const jwt = await issuer.jwt('configure:default/of-jwt* read:other/*');
    expect((await call('PUT', `${QUEUES}/of-jwt-1`, jwt)).status).toBe(201);
    expect(await call('PUT', `${QUEUES}/another`, jwt)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect((await call('PUT', '/v1/other/queues/of-jwt-1', jwt)).status).toBe(403);
    expect((await call('GET', '/v1/other/queues/none', jwt)).status).toBe(404);
    expect((await call('GET', '/v1/nowhere/queues/none', jwt)).status).toBe(403);
    expect((await call('PUT', '/admin/v1/namespaces/new', jwt)).status).toBe(403);
  });

  it('may come as the password of Basic, and in the address of a WebSocket', async () => {
    const jwt = await issuer.jwt('configure:default/* read:default/*');
    expect((await call('GET', QUEUES, jwt, basic(jwt))).status).toBe(200);
    const socket = new WebSocket(
      `${broker.url}${QUEUES}/of-jwt-1/stream?access_token=${jwt}`.replace('http', 'ws'),
    );
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    socket.close();
  });

  it.each<[what: string, claims: () => JWTPayload, status: number]>([
    ['an audience among others', () => ({ aud: ['x', AUDIENCE] }), 200],
    ['another audience that is taken', () => ({ aud: 'another' }), 200],
    ['an audience that is not taken', () => ({ aud: 'x' }), 401],
    ['an audience that only begins so', () => ({ aud: `${AUDIENCE}-2` }), 401],
    ['no audience', () => ({ aud: undefined }) as never, 401],
    ['an end within the leeway', () => ({ exp: inS(-20) }), 200],
    ['an end before the leeway', () => ({ exp: inS(-40) }), 401],
    ['no end', () => ({ exp: undefined }) as never, 401],
    ['an end that is a text', () => ({ exp: '2999-01-01' }) as never, 401],
    ['a beginning within the leeway', () => ({ nbf: inS(20) }), 200],
    ['a beginning after the leeway', () => ({ nbf: inS(60) }), 401],
    ['another issuer', () => ({ iss: 'https://evil.example' }), 401],
    ['no issuer', () => ({ iss: undefined }) as never, 401],
  ])('with %s: %s', async (_, claims, status) => {
    expect((await call('GET', QUEUES, await issuer.jwt('view:default/*', claims()))).status).toBe(status);
  });

  it('ends with its time while it is used', async () => {
    const jwt = await rotating.jwt('view:default/*', { exp: inS(120) });
    expect((await call('GET', QUEUES, jwt)).status).toBe(200);
    await advance(60_000);
    expect((await call('GET', QUEUES, jwt)).status).toBe(200);
    await advance(61_000);
    expect(await call('GET', QUEUES, jwt)).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated', detail: 'the JWT has expired' },
    });
  });

  it('can be signed by RSA, by curves and by Ed25519', async () => {
    for (const algorithm of ['RS256', 'PS256', 'ES384', 'EdDSA']) {
      await advance(31_000); // the keys may be asked for again
      const key = await issuer.addKey(`of-${algorithm}`, algorithm);
      const jwt = await issuer.jwt('view:default/*', { exp: inS(60) }, key);
      expect([algorithm, (await call('GET', QUEUES, jwt)).status]).toEqual([algorithm, 200]);
    }
  });
});

describe('a forged JWT', () => {
  it('is refused whatever is wrong with it, and changes nothing', async () => {
    await advance(31_000);
    const rsa = await issuer.addKey('rsa', 'RS256');
    const secret = Buffer.from('a secret that somebody published as a key');
    issuer.further.push({ kty: 'oct', kid: 'oct', alg: 'HS256', k: secret.toString('base64url') });
    const foreign = await failing.addKey('rsa', 'RS256');
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'x', exp: inS(300), scope: 'tag:administrator' };
    const good = await issuer.jwt('tag:administrator', { exp: inS(300) }, rsa);
    expect((await call('GET', QUEUES, good)).status).toBe(200);
    const [head, body, signature] = good.split('.') as [string, string, string];
    const signed = (header: object, key: string | Buffer): string => {
      const start = `${part(header)}.${part(claims)}`;
      return `${start}.${createHmac('sha256', key).update(start).digest('base64url')}`;
    };
    const publicKey = (await importJWK(rsa.published, 'RS256')) as CryptoKey;
    const forged: Record<string, string> = {
      'no algorithm': `${part({ alg: 'none' })}.${part(claims)}.`,
      'no algorithm, with a signature': `${part({ alg: 'none', kid: 'rsa' })}.${body}.${signature}`,
      'no algorithm, in capitals': `${part({ alg: 'NONE', kid: 'rsa' })}.${body}.${signature}`,
      'HS256 with the public key as PEM': signed({ alg: 'HS256', kid: 'rsa' }, await exportSPKI(publicKey)),
      'HS256 with the public key as JSON': signed(
        { alg: 'HS256', kid: 'rsa' },
        JSON.stringify(rsa.published),
      ),
      'HS256 with the modulus': signed(
        { alg: 'HS256', kid: 'rsa' },
        Buffer.from(rsa.published.n!, 'base64url'),
      ),
      'HS256 with a published secret': signed({ alg: 'HS256', kid: 'oct' }, secret),
      'another algorithm of the same key': `${part({ alg: 'PS256', kid: 'rsa' })}.${body}.${signature}`,
      'an algorithm of another kind': `${part({ alg: 'ES256', kid: 'rsa' })}.${body}.${signature}`,
      'the key of another issuer': await issuer.jwt('tag:administrator', { exp: inS(300) }, foreign),
      'the key of another issuer, by its own claim': await failing.jwt(
        'tag:administrator',
        { exp: inS(300), iss: issuer.url },
        foreign,
      ),
      'another body': `${head}.${part(claims)}.${signature}`,
      'no signature': `${head}.${body}.`,
      'a short signature': `${head}.${body}.${signature.slice(0, -4)}`,
      'another signature': `${head}.${body}.${signature.slice(0, -8)}AAAAAAAA`,
      'a signature of zeros': `${head}.${body}.${Buffer.alloc(256).toString('base64url')}`,
      'a key of its own': `${part({ alg: 'RS256', jwk: await exportJWK((await importJWK(foreign.published)) as CryptoKey) })}.${part(claims)}.${signature}`,
      'an address of keys': `${part({ alg: 'RS256', kid: 'x', jku: `${failing.url}/keys` })}.${body}.${signature}`,
      'an extension that must be understood': `${part({ alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 })}.${body}.${signature}`,
      'a fourth part': `${good}.x`,
      'two parts': `${head}.${body}`,
      'a body that is no JSON': `${head}.${Buffer.from('{').toString('base64url')}.${signature}`,
      'a body that is a list': `${head}.${part([claims])}.${signature}`,
      'a header that is a list': `${part([{ alg: 'RS256' }])}.${body}.${signature}`,
      'a key by another name': `${part({ alg: 'RS256', kid: '../rsa' })}.${body}.${signature}`,
      'a name of a key that is a number': `${part({ alg: 'RS256', kid: 7 })}.${body}.${signature}`,
      'white space': `${head}. ${body}.${signature}`,
    };
    const asked = failing.asked;
    for (const [what, jwt] of Object.entries(forged)) {
      const reply = await call('PUT', `${QUEUES}/forged`, jwt);
      expect([what, reply.status, reply.body.code]).toEqual([what, 401, 'unauthenticated']);
    }
    expect(failing.asked).toBe(asked);
    expect((await call('GET', `${QUEUES}/forged`, ROOT)).status).toBe(404);
  });
});

describe('keys of an issuer', () => {
  it('may be new at once, and are gone some minutes after the issuer took them back', async () => {
    await advance(31_000);
    const [first] = rotating.keys as [(typeof rotating.keys)[number]];
    const before = await rotating.jwt('view:default/*', { exp: inS(3_600) }, first);
    expect((await call('GET', QUEUES, before)).status).toBe(200);
    const second = await rotating.addKey('second');
    const after = await rotating.jwt('view:default/*', { exp: inS(3_600) }, second);
    await advance(31_000);
    expect((await call('GET', QUEUES, after)).status).toBe(200);
    rotating.keys.splice(0, 1);
    await advance(10 * 60_000 + 1_000);
    const { asked } = rotating;
    expect((await call('GET', QUEUES, after)).status).toBe(200); // and asks meanwhile
    await expect.poll(() => rotating.asked).toBe(asked + 1);
    // An answer that is lost on the way is asked for again after half a minute.
    const status = async (): Promise<number> => {
      await advance(31_000);
      return (await call('GET', QUEUES, before)).status;
    };
    await expect.poll(status, { interval: 200, timeout: 10_000 }).toBe(401);
    expect((await call('GET', QUEUES, after)).status).toBe(200);
  });

  it('are asked for once in 30 s, however many JWTs name keys that nobody has', async () => {
    await advance(31_000);
    const { asked } = rotating;
    const [body, signature] = (await rotating.jwt('', { exp: inS(300) })).split('.').slice(1);
    for (let number = 0; number < 40; number++) {
      const head = part({ alg: 'ES256', kid: `none-${number}` });
      expect((await call('GET', QUEUES, `${head}.${body}.${signature}`)).status).toBe(401);
    }
    expect(rotating.asked).toBe(asked + 1);
  });

  it('stay good for a day while the issuer is down', async () => {
    rotating.mood = 'down';
    for (const hours of [1, 10, 12]) {
      await advance(hours * 3_600_000);
      expect((await call('GET', QUEUES, await rotating.jwt('view:default/*', { exp: inS(60) }))).status).toBe(
        200,
      );
    }
    await advance(2 * 3_600_000);
    const jwt = await rotating.jwt('view:default/*', { exp: inS(60) });
    expect((await call('GET', QUEUES, jwt)).status).toBe(503);
    rotating.mood = 'well';
    await advance(11_000);
    expect((await call('GET', QUEUES, jwt)).status).toBe(200);
  });

  it('are not waited for by calls that have them, even if the issuer does not answer', async () => {
    await advance(11 * 60_000);
    rotating.mood = 'silent';
    const jwt = await rotating.jwt('view:default/*', { exp: inS(60) });
    const { asked } = rotating;
    expect((await call('GET', QUEUES, jwt)).status).toBe(200);
    await expect.poll(() => rotating.asked).toBeGreaterThan(asked);
    expect(rotating.unanswered, 'the question is still open').toBe(1);
    rotating.mood = 'well';
  });

  it('that never came refuse the call with 503 and are asked for at most once in 10 s', async () => {
    for (const mood of ['down', 'huge', 'elsewhere', 'nonsense', 'silent'] as const) {
      await advance(11_000);
      failing.mood = mood;
      const { asked } = failing;
      const jwt = await failing.jwt('view:default/*', { exp: inS(60) });
      const replies = [];
      for (let turn = 0; turn < 3; turn++) replies.push(await call('GET', QUEUES, jwt));
      for (const { status, headers, body } of replies) {
        expect([mood, status, body.code]).toEqual([mood, 503, 'unavailable']);
        expect(headers.get('retry-after')).toBe('10');
        expect(headers.get('www-authenticate')).toBeNull();
      }
      expect([mood, failing.asked]).toEqual([mood, asked + 1]);
    }
    failing.mood = 'well';
    await advance(11_000);
    expect((await call('GET', QUEUES, await failing.jwt('view:default/*', { exp: inS(60) }))).status).toBe(
      200,
    );
    expect((await call('GET', QUEUES, ROOT)).status).toBe(200);
  });
});

describe('Cloudflare Access', () => {
  it('adds its JWT to a call, whose groups the setting explains', async () => {
    const claims = { exp: inS(60), sub: '', common_name: 'a-service', custom: { groups: ['ops', 'x'] } };
    const assertion = { 'cf-access-jwt-assertion': await access.jwt('', claims as never) };
    expect((await call('PUT', `${QUEUES}/of-access`, '', assertion)).status).toBe(201);
    const viewer = {
      'cf-access-jwt-assertion': await access.jwt('', { exp: inS(60), email: 'ada@example.com' }),
    };
    expect((await call('GET', QUEUES, '', viewer)).status).toBe(200);
    expect((await call('PUT', `${QUEUES}/of-access-2`, '', viewer)).status).toBe(403);
  });

  it('is not asked when the call states a credential itself', async () => {
    const assertion = { 'cf-access-jwt-assertion': await access.jwt('', { exp: inS(60) }) };
    expect((await call('PUT', `${QUEUES}/of-root`, '', { ...assertion, ...bearer(ROOT) })).status).toBe(201);
    expect((await call('GET', QUEUES, '', { ...assertion, ...bearer('wrong') })).status).toBe(401);
    expect((await call('GET', QUEUES, '', { 'cf-access-jwt-assertion': 'x' })).status).toBe(401);
  });

  it('does not let foreign pages use the login of a browser', async () => {
    const assertion = { 'cf-access-jwt-assertion': await access.jwt('', { exp: inS(60) }) };
    const page = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const reply = await fetch(`${broker.url}${QUEUES}`, { headers: { ...assertion, ...page } });
    expect(reply.status).toBe(403);
  });
});
