/** JWTs: who an issuer says makes a call, and what its scopes allow there. */

import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import type { Identity } from '../../../core/access/identity.ts';
import { grantsOf, onlyNamespace, scopesIn, type Grant } from '../../../core/access/jwt-scopes.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { hexOf } from '../digest.ts';
import { keysOf } from './issuer-keys.ts';
import { issuersOf, type JwtIssuer } from './jwt-issuers.ts';

/** Three parts in base64url. The first begins as `{"` does. */
const FORM = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/;

/** How long a signature that was checked counts, in ms. */
const CHECKED_MS = 30_000;
const CHECKED_MAX = 1_000;

const NAME_LENGTH_MAX = 200;

/** When to come again if the issuer did not answer, in s. */
const PAUSE_S = 10;

/** What a JWT says, once its signature was checked. */
interface Checked {
  readonly id: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresMs: number;
  readonly checkedMs: number;
}

/** By the digest of the JWT, the oldest first. */
const checked = new Map<string, Checked>();

/** Returns true for a text that may be a JWT, if the setting takes any. */
export function isJwt(env: Env, credential: string): boolean {
  return issuersOf(env).size > 0 && FORM.test(credential);
}

/** Returns who makes a call to the path. A JWT may have rights in several namespaces: those count that the path names. */
export async function identityByJwt(
  env: Env,
  jwt: string,
  digest: Uint8Array,
  path: string,
  nowMs: number,
): Promise<Identity | Failure> {
  const key = hexOf(digest);
  const known = checked.get(key);
  const isCurrent = known !== undefined && nowMs >= known.checkedMs && nowMs < known.checkedMs + CHECKED_MS;
  const found = isCurrent ? known : await check(env, jwt, nowMs);
  if (isFailure(found)) return found;
  if (!isCurrent) remember(key, found);
  if (found.expiresMs <= nowMs) return refused('has expired');
  const { id, name, grants, expiresMs } = found;
  const namespace = namespaceOf(path) ?? onlyNamespace(grants) ?? '';
  return { kind: 'jwt', id, name, namespace, scopes: scopesIn(grants, namespace), expiresMs };
}

async function check(env: Env, jwt: string, nowMs: number): Promise<Checked | Failure> {
  const read = readUnchecked(jwt);
  const issuer = issuersOf(env).get(read?.issuer ?? '');
  if (read === null || issuer === undefined) return refused('has no issuer that this broker takes');
  if (!issuer.algorithms.includes(read.algorithm)) {
    return refused('is signed by an algorithm that this broker does not take');
  }
  const keys = await keysOf(issuer.keysUrl, read.keyId, nowMs);
  if (keys === null) {
    return failure('unavailable', 'the issuer of the JWT does not answer; the request may be sent again', {
      retry_after_s: PAUSE_S,
    });
  }
  try {
    const { payload } = await jwtVerify(jwt, keys, {
      issuer: issuer.issuer,
      audience: [...issuer.audience],
      algorithms: [...issuer.algorithms],
      clockTolerance: issuer.leewayS,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp'],
    });
    return readClaims(payload, issuer, nowMs);
  } catch (error) {
    return explain(error);
  }
}

/** What decides which keys are needed. Nothing of it is believed before the signature was checked. */
function readUnchecked(jwt: string): { issuer: string; algorithm: string; keyId: string | undefined } | null {
  try {
    const { iss } = decodeJwt(jwt);
    const { alg, kid } = decodeProtectedHeader(jwt);
    if (typeof iss !== 'string' || typeof alg !== 'string') return null;
    return { issuer: iss, algorithm: alg, keyId: typeof kid === 'string' ? kid : undefined };
  } catch {
    return null;
  }
}

function readClaims(payload: JWTPayload, issuer: JwtIssuer, nowMs: number): Checked {
  const { sub, email, client_id: clientId, common_name: commonName, preferred_username: userName } = payload;
  const id = [sub, commonName, clientId, email].find(isText) ?? 'unnamed';
  const name = [userName, email, commonName, clientId].find(isText) ?? id;
  return {
    id: id.slice(0, NAME_LENGTH_MAX),
    name: name.slice(0, NAME_LENGTH_MAX),
    grants: grantsOf(scopesClaimOf(payload, issuer), issuer),
    expiresMs: (payload.exp! + issuer.leewayS) * 1000,
    checkedMs: nowMs,
  };
}

function scopesClaimOf(payload: JWTPayload, { scopesClaim }: JwtIssuer): unknown {
  if (scopesClaim.length === 0) return payload['scope'] ?? payload['scp'];
  let value: unknown = payload;
  for (const part of scopesClaim) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function remember(key: string, found: Checked): void {
  checked.delete(key);
  if (checked.size >= CHECKED_MAX) checked.delete(checked.keys().next().value!);
  checked.set(key, found);
}

/** Says what is wrong with a claim, because claims are read after the signature was found right. */
function explain(error: unknown): Failure {
  if (error instanceof errors.JWTExpired) return refused('has expired');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(`has a wrong or missing claim "${error.claim}"`);
  }
  return refused('has no signature that this broker takes');
}

function refused(why: string): Failure {
  return failure('unauthenticated', `the JWT ${why}`);
}

function namespaceOf(path: string): string | null {
  const [, part] = /^\/(?:v1|admin\/v1\/namespaces)\/([^/]+)/.exec(path) ?? [];
  return part ?? null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
