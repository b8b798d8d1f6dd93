/**
 * SCRAM exchange: the side of the server, which keeps nothing between the two messages of a client.
 *
 * The nonce of the server says when the exchange began, and signs that together with the first message and a secret of the caller. So
 * the second message is good for a minute, and only from the caller that has begun: who has seen the messages of a client cannot send
 * them again.
 */

import {
  loginOfUser,
  readClientFinal,
  readClientFirst,
  serverFirst,
  signedText,
  SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  type ClientFirst,
  type ScramKeys,
  type ScramMechanism,
  type ScramVerifier,
} from '../../../core/access/login/scram.ts';
import { identityOf, type Token } from '../../../core/access/token.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { isTokenId } from '../../../protocol/access/token-format.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { base64OfBytes } from '../../../protocol/json/json-bytes.ts';
import { isSameDigest } from '../digest.ts';
import { countUnknown, lookUpLimited } from '../unknown-tokens.ts';
import { base64UrlOf, lastingSigner, signersOf, type Signer } from './login-key.ts';
import { answerProof } from './scram-verifier.ts';
import { makeSession } from './sessions.ts';

const encoder = new TextEncoder();

const EXCHANGE_MS_MAX = 60_000;
/** Of the server: when, at random, and the signature of both. */
const SERVER_NONCE = /([0-9a-z]{9})\.([A-Za-z0-9_-]{24})\.[A-Za-z0-9_-]{43}$/;
const RANDOM_BYTES = 18;

export interface ScramRequest {
  readonly mechanism: ScramMechanism;
  /** Known to the caller alone, and the same in both calls. */
  readonly binder: string;
  readonly clientFirst: string;
  /** Of the broker's own client. */
  readonly address: string;
}

export interface ScramSession {
  readonly serverFinal: string;
  readonly credential: string;
  readonly endsMs: number;
  readonly namespace: string;
}

/** Returns the first message of the server. */
export async function beginScram(env: Env, request: ScramRequest, nowMs: number): Promise<string | Failure> {
  const first = readFirst(request);
  if (isFailure(first)) return first;
  const login = await lookUp(env, first, request.address, nowMs);
  if (isFailure(login)) return login;
  const stamp = `${nowMs.toString(36).padStart(9, '0')}.${base64UrlOf(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)))}`;
  const [signer] = await signersOf(env);
  return serverFirst(await nonceOf(signer, request, first, stamp), login.verifier);
}

/** Returns the last message of the server with a credential, or why there is none. */
export async function finishScram(
  env: Env,
  request: ScramRequest,
  clientFinal: string,
  nowMs: number,
): Promise<ScramSession | Failure> {
  const first = readFirst(request);
  if (isFailure(first)) return first;
  const final = readClientFinal(clientFinal, first);
  if (final === null) return failure('invalid_field', 'body client_final: is none of SCRAM');
  const [server, began = '', random] = SERVER_NONCE.exec(final.nonce) ?? [];
  const ageMs = nowMs - parseInt(began, 36);
  const nonce = `${first.nonce}${server}`;
  // As by Kafka: librdkafka before 2.6.1 sends its own nonce once more before both.
  const isOwn =
    server !== undefined &&
    final.nonce.endsWith(nonce) &&
    (await isOwnNonce(env, request, first, `${began}.${random}`, nonce));
  if (!isOwn || !(ageMs < EXCHANGE_MS_MAX))
    return failure('unauthenticated', 'the exchange is over, or of somebody else: begin again');
  const login = await lookUp(env, first, request.address, nowMs);
  if (isFailure(login)) return login;
  const signed = signedText(first, serverFirst(nonce, login.verifier), final);
  for (const { keys, isPrevious } of login.secrets) {
    const signature = await answerProof(request.mechanism, keys[request.mechanism], signed, final.proof);
    if (signature === null || login.token === null) continue;
    const identity = identityOf(login.token, isPrevious, nowMs);
    if (isFailure(identity)) return identity;
    const session = await makeSession(env, login.token, isPrevious, nowMs);
    return { serverFinal: `v=${signature}`, namespace: login.token.namespace, ...session };
  }
  countUnknown(request.address, nowMs);
  return failure(
    'unauthenticated',
    'the user is not the id of a token, or the password not the token; one from before there was SCRAM has to be rotated, or logs in by PLAIN',
  );
}

interface Login {
  /** Null: there is none, and no proof is taken. */
  readonly token: Token | null;
  readonly verifier: Pick<ScramVerifier, 'salt' | 'iterations'>;
  readonly secrets: readonly { readonly keys: ScramVerifier['keys']; readonly isPrevious: boolean }[];
}

/** Finds the token that is meant. Who means none gets a salt that stays the same, as if there were one. */
async function lookUp(
  env: Env,
  { user }: ClientFirst,
  address: string,
  nowMs: number,
): Promise<Login | Failure> {
  const { id, namespace } = loginOfUser(user);
  const known = isTokenId(id) ? await lookUpLimited(env, id, address, nowMs) : null;
  if (known !== null && isFailure(known)) return known;
  const { token } = known ?? {};
  const isMeant = token && (namespace === null || namespace === token.namespace);
  if (!isMeant || token.scram === undefined) return await nobody(env, user);
  const { scram: verifier, previous } = token;
  const secrets = [{ keys: verifier.keys, isPrevious: false }];
  if (previous?.scram?.salt === verifier.salt) secrets.push({ keys: previous.scram.keys, isPrevious: true });
  return { token, verifier, secrets };
}

async function nobody(env: Env, user: string): Promise<Login> {
  const made = await (await lastingSigner(env))(user, 'salt');
  const unknowable: ScramKeys = { storedKey: base64OfBytes(made), serverKey: base64OfBytes(made) };
  return {
    token: null,
    verifier: { salt: base64OfBytes(made.slice(0, SCRAM_SALT_BYTES)), iterations: SCRAM_ITERATIONS },
    secrets: [{ keys: { 'SCRAM-SHA-256': unknowable, 'SCRAM-SHA-512': unknowable }, isPrevious: false }],
  };
}

function readFirst({ clientFirst }: ScramRequest): ClientFirst | Failure {
  return (
    readClientFirst(clientFirst) ??
    failure('invalid_field', 'body client_first: is none of SCRAM, or asks for channel binding')
  );
}

async function isOwnNonce(
  env: Env,
  request: ScramRequest,
  first: ClientFirst,
  stamp: string,
  nonce: string,
): Promise<boolean> {
  const shown = encoder.encode(nonce);
  for (const signer of await signersOf(env)) {
    if (isSameDigest(encoder.encode(await nonceOf(signer, request, first, stamp)), shown)) return true;
  }
  return false;
}

async function nonceOf(
  signer: Signer,
  { mechanism, binder, clientFirst }: ScramRequest,
  { nonce }: ClientFirst,
  stamp: string,
): Promise<string> {
  const signature = await signer(JSON.stringify([mechanism, binder, clientFirst, stamp]), 'nonce');
  return `${nonce}${stamp}.${base64UrlOf(signature)}`;
}
