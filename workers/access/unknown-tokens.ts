/**
 * Limit of unknown tokens: how many tokens and hooks that do not exist this isolate asks other objects about. Anybody can make up a
 * token with a right checksum, or the name of a hook, and each costs a question.
 *
 *   an address     20 a second. What it asks at the same time is a debt, which it pays before it may ask again
 *   the isolate    200 a second, however many addresses there are. It owes 1 s at most, so that one flood does not keep
 *                  good tokens out for long
 *
 * Tokens that the isolate knows, existing ones and absent ones, are neither counted nor refused. A token that exists is not counted.
 */

import { fullBucket, taken, waitMs, type RateBucket } from '../../core/access/quotas/rate-bucket.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { isTokenKnown, lookUpToken, type KnownToken } from './directory-cache.ts';

const PER_ADDRESS_S = 20;
const PER_ISOLATE_S = 200;

/** Addresses in memory; the one that was counted longest ago goes. */
const ADDRESSES_MAX = 10_000;

const addresses = new Map<string, RateBucket>();
let isolate: RateBucket | undefined;

/**
 * Looks a token up, unless too many were unknown.
 * @param address of the client; '' if the platform does not say
 */
export async function lookUpLimited(
  env: Env,
  id: string,
  address: string,
  nowMs: number,
): Promise<KnownToken | null | Failure> {
  const isAsking = !isTokenKnown(id, nowMs);
  if (isAsking) {
    const refused = refuseQuestion('tokens', address, nowMs);
    if (refused) return refused;
  }
  const known = await lookUpToken(env, id, nowMs);
  if (isAsking && known === null) countUnknown(address, nowMs);
  return known;
}

/** Returns why nothing more may be asked for now; null if it may. */
export function refuseQuestion(what: 'tokens' | 'hooks', address: string, nowMs: number): Failure | null {
  const wait = Math.max(
    waitMs(bucketOf(address, nowMs), PER_ADDRESS_S, nowMs),
    isolate === undefined ? 0 : waitMs(isolate, PER_ISOLATE_S, nowMs),
  );
  if (wait === 0) return null;
  return failure(
    'too_many_unknown_tokens',
    `too many requests named ${what} that do not exist; send the request again`,
    {
      retry_after_s: Math.ceil(wait / 1_000),
    },
  );
}

export function countUnknown(address: string, nowMs: number): void {
  const bucket = taken(bucketOf(address, nowMs), PER_ADDRESS_S, nowMs, 1);
  addresses.delete(address);
  if (addresses.size >= ADDRESSES_MAX) addresses.delete(addresses.keys().next().value!);
  addresses.set(address, bucket);
  const { level, atMs } = taken(isolate ?? fullBucket(PER_ISOLATE_S, nowMs), PER_ISOLATE_S, nowMs, 1);
  isolate = { level: Math.max(level, -PER_ISOLATE_S), atMs };
}

function bucketOf(address: string, nowMs: number): RateBucket {
  return addresses.get(address) ?? fullBucket(PER_ADDRESS_S, nowMs);
}
