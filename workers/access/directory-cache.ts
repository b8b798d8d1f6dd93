/**
 * Directory cache: the tokens and namespaces that this isolate knows. No call on a warm isolate waits for the directory.
 *
 *   since the directory was last asked   a call
 *   ----------------------------------   ---------------------------------------------------------------------
 *   below 5 s                            uses what is known
 *   below 30 s                           uses it, and the isolate asks meanwhile what has changed: one question
 *                                        for all tokens
 *   above, or a newer version was seen   waits for the changes
 *
 * So what is revoked elsewhere ends within 5 s in an isolate that is busy with anything, and within 30 s in every other.
 * That something does not exist is believed for 5 s. The same question reports which tokens were used.
 */

import { waitUntil } from 'cloudflare:workers';
import type { Namespace } from '../../core/access/namespace.ts';
import { hourOfUse, type Token } from '../../core/access/token.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { DirectoryChange } from '../../durable-objects/rpc/directory.ts';
import type { PublishLimits } from '../../durable-objects/rpc/publish-limits.ts';
import { directoryStub } from '../../durable-objects/stubs.ts';
import { bytesOfHex } from './digest.ts';

const ASK_AFTER_MS = 5_000;
const TRUSTED_MS_MAX = 30_000;
const ABSENT_MS_MAX = 5_000;

/** Entries of each kind; the oldest goes. A token with its scopes has about 1 KB. */
const ENTRIES_MAX = 10_000;

/** Uses that one question reports. Those of more tokens are reported after their next use. */
const USES_MAX = 2_000;

export interface KnownToken {
  token: Token;
  namespace: Namespace;
  digest: Uint8Array;
  previousDigest: Uint8Array | null;
}

interface Entry<Value> {
  /** Null: there is none. */
  value: Value | null;
  readMs: number;
  /** It has changed: the next call asks again. Calls under way go on with what they have entered by. */
  isOutdated?: boolean;
}

const tokens = new Map<string, Entry<KnownToken>>();
const namespaces = new Map<string, Entry<Namespace>>();
/** Ids that no token has. Apart: anybody makes up ids, and would push out the tokens that exist. */
const absentTokens = new Map<string, Entry<KnownToken>>();

/** The version that what is known is at least as new as, and when that was last confirmed. */
let version = 0;
let confirmedMs = -Infinity;
/** The newest version that any reply has told. */
let seenVersion = 0;
/** When the question began that is under way. */
let askingSinceMs = -Infinity;

/** Uses that the directory has not been told of: the hour by token. */
const uses = new Map<string, number>();

export async function lookUpToken(env: Env, id: string, nowMs: number): Promise<KnownToken | null> {
  await refresh(env, nowMs);
  const known = current(tokens.get(id) ?? absentTokens.get(id), nowMs);
  if (known) return known.value;
  const { token, namespace } = await ask(() => directoryStub(env).token(id), nowMs);
  const value = token && namespace && knownToken(token, namespace);
  put(value === null ? absentTokens : tokens, id, { value, readMs: nowMs });
  if (namespace) put(namespaces, namespace.name, { value: namespace, readMs: nowMs });
  return value;
}

/** Returns true if a look-up of the token needs no question, unless the cache has to catch up first. */
export function isTokenKnown(id: string, nowMs: number): boolean {
  return current(tokens.get(id) ?? absentTokens.get(id), nowMs) !== null;
}

export async function lookUpNamespace(env: Env, name: string, nowMs: number): Promise<Namespace | null> {
  await refresh(env, nowMs);
  const known = current(namespaces.get(name), nowMs);
  if (known) return known.value;
  const { namespace } = await ask(() => directoryStub(env).namespace(name), nowMs);
  put(namespaces, name, { value: namespace, readMs: nowMs });
  return namespace;
}

/** Returns the limits of a namespace as options of a publish, which tell them to an object that does not know them yet. */
export function publishLimitsOf(namespace: string): PublishLimits {
  const { rowsPerHour, quotas } = namespaces.get(namespace)?.value ?? {};
  const storedBytesMax = quotas?.counts?.stored_bytes;
  return { ...(rowsPerHour != null && { rowsPerHour }), ...(storedBytesMax != null && { storedBytesMax }) };
}

/** Called by whoever has changed something: this isolate sees it at once. */
export function forget(...changes: readonly DirectoryChange[]): void {
  const gone = new Set<string>();
  for (const { kind, name } of changes) {
    if (kind === 'namespace') gone.add(name);
    else if (!tokens.delete(name)) absentTokens.delete(name);
  }
  if (gone.size === 0) return;
  outdate(gone);
  // One pass, however many namespaces have changed.
  for (const [id, { value }] of tokens) if (value && gone.has(value.namespace.name)) tokens.delete(id);
}

/** Called with the version that the reply of an object has told. */
export function noteDirectoryVersion(newest: number): void {
  seenVersion = Math.max(seenVersion, newest);
}

/** Notes that a token was used, so that the directory learns the hour of its last use. */
export function noteUse({ id, lastUsedMs }: Token, nowMs: number): void {
  const hourMs = hourOfUse(nowMs);
  if ((lastUsedMs ?? 0) < hourMs && (uses.size < USES_MAX || uses.has(id))) uses.set(id, hourMs);
}

async function refresh(env: Env, nowMs: number): Promise<void> {
  if (tokens.size + namespaces.size === 0) return;
  const ageMs = nowMs - confirmedMs;
  if (seenVersion > version || ageMs > TRUSTED_MS_MAX || ageMs < 0) return await catchUp(env, nowMs);
  const isAsking = nowMs - askingSinceMs < ASK_AFTER_MS && nowMs >= askingSinceMs;
  if (ageMs > ASK_AFTER_MS && !isAsking) {
    const asking = catchUp(env, nowMs).catch((error: unknown) => {
      console.error('the directory could not be asked for changes', error);
    });
    waitUntil(asking);
  }
}

async function catchUp(env: Env, nowMs: number): Promise<void> {
  askingSinceMs = nowMs;
  const told = [...uses];
  uses.clear();
  const answer = await directoryStub(env).catchUp(
    version,
    told.map(([id, hourMs]) => ({ id, hourMs })),
  );
  if (answer.changes === null) {
    tokens.clear();
    outdate(namespaces.keys());
  } else forget(...answer.changes);
  for (const [id, hourMs] of told) noteWritten(id, hourMs);
  version = Math.max(version, answer.version);
  seenVersion = Math.max(seenVersion, version);
  confirmedMs = Math.max(confirmedMs, nowMs);
}

/**
 * Asks until the answer is not older than what is known to have changed: one that was on its way meanwhile would stay
 * here as if it were true. The first answer of all says where this isolate begins.
 */
async function ask<Answer extends { version: number }>(
  question: () => Promise<Answer>,
  nowMs: number,
): Promise<Answer> {
  for (;;) {
    const answer = await question();
    if (tokens.size + namespaces.size === 0 && answer.version >= seenVersion) {
      version = answer.version;
      confirmedMs = nowMs;
    }
    noteDirectoryVersion(answer.version);
    if (answer.version === seenVersion) return answer;
  }
}

function outdate(names: Iterable<string>): void {
  for (const name of names) {
    const known = namespaces.get(name);
    if (known) known.isOutdated = true;
  }
}

function current<Value>(entry: Entry<Value> | undefined, nowMs: number): Entry<Value> | null {
  if (!entry || entry.isOutdated) return null;
  const isOld = entry.value === null && (nowMs > entry.readMs + ABSENT_MS_MAX || nowMs < entry.readMs);
  return isOld ? null : entry;
}

function put<Value>(entries: Map<string, Entry<Value>>, name: string, entry: Entry<Value>): void {
  entries.delete(name);
  if (entries.size >= ENTRIES_MAX) entries.delete(entries.keys().next().value!);
  entries.set(name, entry);
}

function knownToken(token: Token, namespace: Namespace): KnownToken {
  const { digest, previous } = token;
  return {
    token,
    namespace,
    digest: bytesOfHex(digest),
    previousDigest: previous && bytesOfHex(previous.digest),
  };
}

function noteWritten(id: string, hourMs: number): void {
  const known = tokens.get(id)?.value;
  if (known) known.token = { ...known.token, lastUsedMs: hourMs };
}
