/** Authentication: who makes a call. It comes before everything else, so that nobody learns anything without a credential. */

import type { Context, Next } from 'hono';
import { ANONYMOUS, ROOT, type Identity } from '../../core/access/identity.ts';
import { identityOf } from '../../core/access/token.ts';
import type { Env } from '../../durable-objects/env.ts';
import { tokenIdOf } from '../../protocol/access/token-format.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { credentialOf } from '../http/credentials.ts';
import { problem } from '../http/problem.ts';
import { isOpenToAll, rootSecretsOf } from '../http/root-secrets.ts';
import { countRefusal } from './audit.ts';
import { digestOf, isSameDigest } from './digest.ts';
import { lookUpToken, noteUse } from './directory-cache.ts';
import { identityByJwt, isJwt } from './jwt.ts';
import { isRootToken, secretLengthMax } from './root-token.ts';

/** The only path that needs no credential. */
const OPEN_PATH = '/healthz';

export async function authenticate(c: Context<AppEnv>, next: Next): Promise<Response | void> {
  const isOpen = c.req.path === OPEN_PATH && c.req.query('deep') !== 'true';
  if (!isOpen) {
    const identity = await identify(c, Date.now());
    if (isFailure(identity)) {
      const { code } = identity;
      if (code === 'unauthenticated') countRefusal(c, { identity: null, operation: '*', code });
      return unauthenticated(c, identity);
    }
    c.set('identity', identity);
  }
  await next();
}

/** Returns the identity of who makes a call. A credential that is there is checked, also where none is needed. */
export async function identify(c: AppContext, nowMs: number): Promise<Identity | Failure> {
  const credential = credentialOf(c) ?? assertionOf(c);
  if (credential !== null) return await identityBy(c.env, credential, c.req.path, nowMs);
  if (isOpenToAll(c.env)) return ANONYMOUS;
  if (rootSecretsOf(c.env).length > 0)
    return failure('unauthenticated', 'this needs a credential: "Authorization: Bearer <token>"');
  return failure(
    'unauthenticated',
    'this broker has no root token yet, and answers nothing until it has one. To set it: `openssl rand -hex 32` makes one, `npx wrangler secret put POSTHORN_ROOT_TOKEN` takes it',
  );
}

/** The JWT that Cloudflare Access adds to a call, once somebody has logged in. It counts where JWTs are taken at all. */
function assertionOf(c: AppContext): string | null {
  const assertion = c.req.header('cf-access-jwt-assertion') ?? '';
  return isJwt(c.env, assertion) ? assertion : null;
}

async function identityBy(
  env: Env,
  credential: string,
  path: string,
  nowMs: number,
): Promise<Identity | Failure> {
  // What is too short or too long to be a secret costs no more than looking at its length.
  if (credential === '') return unknown();
  const isOfIssuer = isJwt(env, credential);
  if (!isOfIssuer && credential.length > secretLengthMax(env)) return unknown();
  const digest = await digestOf(credential);
  if (isOfIssuer) return await identityByJwt(env, credential, digest, path, nowMs);
  if (await isRootToken(env, digest)) return ROOT;
  const id = tokenIdOf(credential);
  const known = id === null ? null : await lookUpToken(env, id, nowMs);
  if (known === null) return unknown();
  const { token } = known;
  const isCurrent = isSameDigest(known.digest, digest);
  const isPrevious = known.previousDigest !== null && isSameDigest(known.previousDigest, digest);
  if (!isCurrent && !isPrevious) return unknown();
  const identity = identityOf(token, !isCurrent, nowMs);
  if (!isFailure(identity)) noteUse(token, nowMs);
  return identity;
}

/** The same for all: whether the token exists is nobody's business. */
function unknown(): Failure {
  return failure('unauthenticated', 'the credential is none that this broker knows');
}

function unauthenticated(c: AppContext, cause: Failure): Response {
  if (cause.code === 'unauthenticated')
    c.header('www-authenticate', 'Bearer realm="posthorn", Basic realm="posthorn"');
  return problem(c, cause);
}
