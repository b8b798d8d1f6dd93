/** Issuer keys: the public keys of each issuer that this isolate knows, and how it asks for newer ones. */

import { waitUntil } from 'cloudflare:workers';
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from 'jose';
import { ANSWER_MS_MAX, hasTrustedKeys, keySetStep, type KeySetState } from '../../../core/access/key-set.ts';

const ANSWER_BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;

/** Kinds of public keys. A secret key (`oct`) in a published key set is no secret. */
const PUBLIC = new Set(['RSA', 'EC', 'OKP']);

interface KeySet extends KeySetState {
  readonly keyOf: JWTVerifyGetKey;
  readonly ids: ReadonlySet<string | undefined>;
}

/** By the address of the keys. As many as there are issuers in the setting. */
const keySets = new Map<string, KeySet>();

const NONE: KeySet = {
  keyOf: createLocalJWKSet({ keys: [] }),
  ids: new Set(),
  fetchedMs: null,
  askedMs: null,
  failedMs: null,
  asking: 0,
};

/** Returns what chooses the key of a JWT; null if the issuer does not answer and no keys of the last day are known. */
export async function keysOf(
  url: string,
  keyId: string | undefined,
  nowMs: number,
): Promise<JWTVerifyGetKey | null> {
  const known = stateOf(url);
  const step = keySetStep(known, keyId === undefined || known.ids.has(keyId), nowMs);
  if (step === 'refuse') return null;
  if (step === 'wait') await ask(url, nowMs);
  if (step === 'refresh') waitUntil(ask(url, nowMs));
  const newest = stateOf(url);
  return hasTrustedKeys(newest, nowMs) ? newest.keyOf : null;
}

/** Keeps what is known when the issuer does not answer. */
async function ask(url: string, nowMs: number): Promise<void> {
  change(url, ({ asking }) => ({ askedMs: nowMs, asking: asking + 1 }));
  try {
    const keys = await fetchKeys(url);
    change(url, () => ({
      keyOf: createLocalJWKSet({ keys }),
      ids: new Set(keys.map(({ kid }) => kid)),
      fetchedMs: nowMs,
      failedMs: null,
    }));
  } catch (error) {
    console.error(`the keys of JWTs did not come from ${url}`, error);
    change(url, () => ({ failedMs: Date.now() }));
  } finally {
    change(url, ({ asking }) => ({ asking: asking - 1 }));
  }
}

function stateOf(url: string): KeySet {
  return keySets.get(url) ?? NONE;
}

function change(url: string, changes: (state: KeySet) => Partial<KeySet>): void {
  const state = stateOf(url);
  keySets.set(url, { ...state, ...changes(state) });
}

async function fetchKeys(url: string): Promise<JWK[]> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
  const { keys } = JSON.parse(await readText(response.body)) as { keys?: JWK[] };
  if (!Array.isArray(keys)) throw new Error('it did not answer with a key set');
  return keys.filter((key) => PUBLIC.has(key?.kty ?? '') && key.use !== 'enc').slice(0, KEYS_MAX);
}

async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) throw new Error(`its key set has more than ${ANSWER_BYTES_MAX} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
