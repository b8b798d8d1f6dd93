/** Tokens: make, list, read, rotate, revoke. The router makes the secret, and the directory never sees it. */

import type { Hono } from 'hono';
import { isRoot } from '../../core/access/identity.ts';
import { SCRAM_SALT_BYTES } from '../../core/access/login/scram.ts';
import { inherited } from '../../core/access/quotas/quotas.ts';
import { refuseGrant, scopesOf, type KeptSecret, type Token } from '../../core/access/token.ts';
import { directoryStub } from '../../durable-objects/stubs.ts';
import {
  formatToken,
  ID_RANDOM_BYTES,
  idFromBytes,
  SECRET_RANDOM_BYTES,
  isTokenId,
} from '../../protocol/access/token-format.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { base64OfBytes } from '../../protocol/json/json-bytes.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  msOfTime,
  tokenDeclarationSchema,
  tokenPageQuerySchema,
  tokenRotationSchema,
  type TokenDeclaration,
  type TokenList,
  type TokenMade,
  type TokenReply,
} from '../../protocol/schemas/tokens.ts';
import { digestOf, hexOf } from '../access/digest.ts';
import { forget, noteDirectoryVersion } from '../access/directory-cache.ts';
import { refuseIn } from '../access/authorize.ts';
import { rateFieldsOf } from '../access/quotas/quota-fields.ts';
import { verifierOf } from '../access/login/scram-verifier.ts';
import { bind } from './bind.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';

/** How long the former secret is good after a rotation, if the request does not say. */
const PREVIOUS_MS_DEFAULT = 86_400_000;

export function tokenRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listTokens, async (c) => {
    const query = readQuery(c, tokenPageQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const identity = c.get('identity');
    const { namespace = identity.namespace, after = '', limit } = query.fields;
    const refused = namespace === null ? null : refuseManaging(c, namespace);
    if (refused) return problem(c, refused);
    const { items, next } = await directoryStub(c.env).tokens(namespace, after, limit);
    return c.json({ tokens: items.map(replyOf), ...(next !== null && { next }) } satisfies TokenList);
  });

  bind(app, calls.makeToken, async (c) => {
    const body = await readBody(c, tokenDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseManaging(c, body.fields.namespace);
    if (refused) return problem(c, refused);
    const secret = newSecret(idFromBytes(randomBytes(ID_RANDOM_BYTES)));
    const made = tokenOf(c, body.fields, secret.id, await secret.kept(newSalt()), Date.now());
    const token = isFailure(made) ? made : await directoryStub(c.env).makeToken(made);
    if (isFailure(token)) return problem(c, token);
    forget({ kind: 'token', name: token.id });
    audit(c, token);
    return c.json({ ...replyOf(token), token: secret.text } satisfies TokenMade, 201);
  });

  bind(app, calls.getToken, async (c) => {
    const token = await readToken(c);
    return isFailure(token) ? problem(c, token) : c.json(replyOf(token) satisfies TokenReply);
  });

  bind(app, calls.rotateToken, async (c) => {
    const body = await readBody(c, tokenRotationSchema);
    if (isFailure(body)) return problem(c, body);
    const token = await readToken(c);
    if (isFailure(token)) return problem(c, token);
    // Who learns the secret can do what the token can.
    const refused = refuseGrant(c.get('identity'), token);
    if (refused) return problem(c, refused);
    const { previous_expires_at: until } = body.fields;
    const untilMs = until === undefined ? Date.now() + PREVIOUS_MS_DEFAULT : msOfTime(until);
    const secret = newSecret(token.id);
    const kept = await secret.kept(token.scram?.salt ?? newSalt());
    const rotated = await directoryStub(c.env).rotateToken(token.id, kept, untilMs);
    if (isFailure(rotated)) return problem(c, rotated);
    changed(rotated);
    audit(c, rotated.token);
    return c.json({ ...replyOf(rotated.token), token: secret.text } satisfies TokenMade);
  });

  bind(app, calls.revokeToken, async (c) => {
    const token = await readToken(c);
    if (isFailure(token)) return problem(c, token);
    const revoked = await directoryStub(c.env).revokeToken(token.id);
    if (isFailure(revoked)) return problem(c, revoked);
    changed(revoked);
    audit(c, revoked.token);
    return c.json(replyOf(revoked.token) satisfies TokenReply);
  });
}

/** The token that the path names. One of another namespace is as one that does not exist. */
async function readToken(c: AppContext): Promise<Token | Failure> {
  const identity = c.get('identity');
  const refused = identity.namespace === null ? null : refuseManaging(c, identity.namespace);
  if (refused) return refused;
  const id = c.req.param('token') ?? '';
  // It may be a whole token by mistake: nothing repeats its secret.
  if (!isTokenId(id))
    return failure('token_not_found', 'the path names no token: an id has 16 characters of 0-9 and a-z');
  const { token } = await directoryStub(c.env).token(id);
  const isSeen = token && (isRoot(identity) || token.namespace === identity.namespace);
  return isSeen ? token : failure('token_not_found', `there is no token "${id}"`);
}

function refuseManaging(c: AppContext, namespace: string): Failure | null {
  return refuseIn(c, namespace, { kind: 'namespace', name: namespace, action: 'manage' });
}

function tokenOf(
  c: AppContext,
  declaration: TokenDeclaration,
  id: string,
  kept: KeptSecret,
  nowMs: number,
): Token | Failure {
  const maker = c.get('identity');
  const { name, namespace, scopes = [], roles = [], expires_at: expiresAt } = declaration;
  // One that says nothing lives as long as its maker.
  const expiresMs =
    expiresAt === undefined ? maker.expiresMs : expiresAt === null ? null : msOfTime(expiresAt);
  if (expiresMs !== null && expiresMs <= nowMs)
    return failure('invalid_field', 'body expires_at: the time is past');
  const granted = scopesOf(scopes, roles);
  const { publish_per_s: publishPerS, deliver_per_s: deliverPerS, connections } = declaration.quotas ?? {};
  const quotas = inherited({ publishPerS, deliverPerS, connections }, maker.quotas);
  return (
    refuseGrant(maker, { scopes: granted, expiresMs, quotas }) ?? {
      id,
      name,
      namespace,
      scopes: granted,
      roles: [...new Set(roles)],
      createdMs: nowMs,
      createdBy: maker.id,
      expiresMs,
      ...kept,
      previous: null,
      rotatedMs: null,
      revokedMs: null,
      lastUsedMs: null,
      ...(Object.keys(quotas).length > 0 && { quotas }),
    }
  );
}

function newSecret(id: string): { id: string; text: string; kept: (salt: string) => Promise<KeptSecret> } {
  const text = formatToken(id, randomBytes(SECRET_RANDOM_BYTES));
  const kept = async (salt: string): Promise<KeptSecret> => {
    const [digest, scram] = await Promise.all([digestOf(text), verifierOf(text, salt)]);
    return { digest: hexOf(digest), scram };
  };
  return { id, text, kept };
}

function newSalt(): string {
  return base64OfBytes(randomBytes(SCRAM_SALT_BYTES));
}

function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}

function changed({ token, version }: { token: Token; version: number }): void {
  noteDirectoryVersion(version);
  forget({ kind: 'token', name: token.id });
}

/** The audit of the namespace says which token it was, and what it may do. */
function audit(c: AppContext, { id, name, namespace, roles, scopes, expiresMs, quotas }: Token): void {
  const limits = quotas && { quotas: rateFieldsOf(quotas) };
  c.set('audited', {
    namespace,
    details: { token: { id, name, roles, scopes, expires_at: expiresMs, ...limits } },
  });
}

function replyOf(token: Token): TokenReply {
  return {
    id: token.id,
    name: token.name,
    namespace: token.namespace,
    scopes: token.scopes.map(({ kind, name, actions }) => ({ kind, name, actions: [...actions] })),
    roles: [...token.roles],
    created_at: token.createdMs,
    created_by: token.createdBy,
    expires_at: token.expiresMs,
    last_used_at: token.lastUsedMs,
    rotated_at: token.rotatedMs,
    previous_expires_at: token.previous?.untilMs ?? null,
    revoked_at: token.revokedMs,
    quotas: rateFieldsOf(token.quotas),
  };
}
