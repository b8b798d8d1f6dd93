/** Authentication: who makes a call. It comes before everything else, so that nobody learns anything without a credential. */

import type { Context, Next } from 'hono';
import { ANONYMOUS, ROOT, UNSIGNED, type Identity } from '../../core/access/identity.ts';
import { identityOf } from '../../core/access/token.ts';
import { tokenIdOf } from '../../protocol/access/token-format.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { credentialOf } from '../http/identity/credentials.ts';
import { innerIdentity } from '../http/inner-request.ts';
import { problem } from '../http/problem.ts';
import { isOwnPage, sessionToken } from '../http/identity/session.ts';
import { isOpenToAll, rootSecretsOf } from '../http/identity/root-secrets.ts';
import { countRefusal } from './audit.ts';
import { digestOf, isSameDigest } from './digest.ts';
import { noteUse } from './directory-cache.ts';
import { identityByJwt, isJwt } from './jwt/jwt.ts';
import { isSession } from '../../core/access/login/session-credential.ts';
import { isRootToken, secretLengthMax } from './root-token.ts';
import { lookUpLimited } from './unknown-tokens.ts';

/** What senders of webhooks call, by their signature. */
const HOOK_PATH = new RegExp(`^${calls.receiveHook.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);

/** The paths that need no credential. */
const OPEN_PATH = '/healthz';
/** Those who connect log in by AMQP. */
export const AMQP_PATH = '/ws/amqp';
const OPEN_PAGES = /^\/(?:dashboard(?:\/.*)?)?$/;

export async function authenticate(c: Context<AppEnv>, next: Next): Promise<Response | void> {
  const isHealth = c.req.path === OPEN_PATH && c.req.query('deep') !== 'true';
  const isOpen = OPEN_PAGES.test(c.req.path) || c.req.path === AMQP_PATH || isHealth;
  if (!isOpen) {
    const identity = await callerOf(c);
    if (isFailure(identity)) {
      const { code } = identity;
      if (code === 'unauthenticated') countRefusal(c, { identity: null, operation: '*', code });
      return unauthenticated(c, identity);
    }
    c.set('identity', identity);
  }
  await next();
}

async function callerOf(c: AppContext): Promise<Identity | Failure> {
  const inner = innerIdentity(c.req.raw);
  if (inner !== undefined) return inner;
  const { method, path } = c.req;
  if (method === 'POST' && (HOOK_PATH.test(path) || path === calls.logInByScram.path)) return UNSIGNED;
  return await identify(c, Date.now());
}

/** Returns the identity of who makes a call. A credential that is there is checked, also where none is needed. */
export async function identify(c: AppContext, nowMs: number): Promise<Identity | Failure> {
  const credential = credentialOf(c) ?? assertionOf(c);
  if (credential !== null) return await identityBy(c, credential, nowMs);
  // Cookies know no ports: one may be of another broker of this machine.
  if (isOpenToAll(c.env)) return ANONYMOUS;
  const session = sessionToken(c);
  if (session !== null) return await identityBy(c, session, nowMs);
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

/** Returns the identity that a credential stands for. */
export async function identityBy(
  c: AppContext,
  credential: string,
  nowMs: number,
): Promise<Identity | Failure> {
  const { env } = c;
  // What is too short or too long to be a secret costs no more than looking at its length.
  if (credential === '') return unknown();
  const isOfIssuer = isJwt(env, credential);
  if (!isOfIssuer && credential.length > secretLengthMax(env)) return unknown();
  const digest = await digestOf(credential);
  if (isOfIssuer) return await identityByJwt(env, credential, digest, c.req.path, nowMs);
  if (await isRootToken(env, digest)) return ROOT;
  const id = tokenIdOf(credential);
  if (id === null) return isSession(credential) ? await bySession(c, credential, nowMs) : unknown();
  const known = await lookUpLimited(env, id, c.req.header('cf-connecting-ip') ?? '', nowMs);
  if (known === null) return unknown();
  if (isFailure(known)) return known;
  const { token } = known;
  const isCurrent = isSameDigest(known.digest, digest);
  const isPrevious = known.previousDigest !== null && isSameDigest(known.previousDigest, digest);
  if (!isCurrent && !isPrevious) return unknown();
  const identity = identityOf(token, !isCurrent, nowMs);
  if (!isFailure(identity)) noteUse(token, nowMs);
  return identity;
}

async function bySession(c: AppContext, credential: string, nowMs: number): Promise<Identity | Failure> {
  const { identityBySession } = await import('./login/sessions.ts');
  const address = c.req.header('cf-connecting-ip') ?? '';
  return (await identityBySession(c.env, credential, address, nowMs)) ?? unknown();
}

/** The same for all: whether the token exists is nobody's business. */
function unknown(): Failure {
  return failure('unauthenticated', 'the credential is none that this broker knows');
}

function unauthenticated(c: AppContext, cause: Failure): Response {
  if (cause.code === 'unauthenticated') {
    // "Basic" makes a browser ask for a password itself, over the page that asks for the token.
    const basic = isOwnPage(c) ? '' : ', Basic realm="posthorn"';
    c.header('www-authenticate', `Bearer realm="posthorn"${basic}`);
  }
  return problem(c, cause);
}
