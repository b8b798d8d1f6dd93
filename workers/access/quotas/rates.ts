/**
 * Rates: how fast a namespace and a token may publish and take, in this isolate. A call is refused before its body is read
 * while a bucket is empty, and again when the number of its messages is known.
 */

import { rateOf, type RateKind } from '../../../core/access/quotas/quotas.ts';
import { fullBucket, taken, waitMs, type RateBucket } from '../../../core/access/quotas/rate-bucket.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import type { AppContext } from '../../http/context.ts';

/** Buckets in memory; the one that was used longest ago goes. It is nearly always full then. */
const BUCKETS_MAX = 10_000;

/** By spender and kind. */
const buckets = new Map<string, RateBucket>();

/** Returns why nothing may go now; null if something may. */
export function refuseRate(c: AppContext, kind: RateKind): Failure | null {
  const nowMs = Date.now();
  for (const { key, what, quotas } of c.get('spenders') ?? []) {
    const perS = rateOf(quotas, kind);
    if (perS === null) continue;
    const wait = waitMs(bucketOf(key, kind, perS, nowMs), perS, nowMs);
    if (wait > 0) return overRate(what, kind, perS, wait);
  }
  return null;
}

/** Returns how long until something may go, in ms; 0: now. */
export function waitForRate(c: AppContext, kind: RateKind): number {
  const nowMs = Date.now();
  const waits = (c.get('spenders') ?? []).map(({ key, quotas }) => {
    const perS = rateOf(quotas, kind);
    return perS === null ? 0 : waitMs(bucketOf(key, kind, perS, nowMs), perS, nowMs);
  });
  return Math.max(0, ...waits);
}

/** Returns the lowest rate that counts for the call; null: there is none. */
export function lowestRate(c: AppContext, kind: RateKind): number | null {
  const rates = (c.get('spenders') ?? []).map(({ quotas }) => rateOf(quotas, kind));
  return rates.reduce<number | null>(
    (low, rate) => (rate === null ? low : Math.min(low ?? rate, rate)),
    null,
  );
}

/** Counts messages that go. */
export function spend(c: AppContext, kind: RateKind, count: number): void {
  const nowMs = Date.now();
  for (const { key, quotas } of c.get('spenders') ?? []) {
    const perS = rateOf(quotas, kind);
    if (perS === null) continue;
    const bucket = taken(bucketOf(key, kind, perS, nowMs), perS, nowMs, count);
    buckets.delete(bucketName(key, kind));
    if (buckets.size >= BUCKETS_MAX) buckets.delete(buckets.keys().next().value!);
    buckets.set(bucketName(key, kind), bucket);
  }
}

/** Counts the messages of a publish, unless others have emptied a bucket while the body came. */
export function spendOnPublish(c: AppContext, count: number): Failure | null {
  const refused = refuseRate(c, 'publish');
  if (refused === null) spend(c, 'publish', count);
  return refused;
}

function bucketOf(key: string, kind: RateKind, perS: number, nowMs: number): RateBucket {
  return buckets.get(bucketName(key, kind)) ?? fullBucket(perS, nowMs);
}

function bucketName(key: string, kind: RateKind): string {
  return `${kind} ${key}`;
}

function overRate(what: string, kind: RateKind, perS: number, wait: number): Failure {
  const does = kind === 'publish' ? 'publish' : 'take';
  return failure('quota', `${what} may ${does} ${perS} messages a second`, {
    quota: kind === 'publish' ? 'publish_per_s' : 'deliver_per_s',
    limit: perS,
    retry_after_s: Math.ceil(wait / 1_000),
  });
}
