/** Quotas: what a namespace or a token may use up. A field that is absent or null sets no limit. */

import { failure, type Failure } from '../../../protocol/errors.ts';

/** What a namespace may have so many of, as the contract names it. */
export const COUNT_QUOTAS = ['queues', 'topics', 'partitions', 'bindings', 'groups'] as const;
export type CountQuota = (typeof COUNT_QUOTAS)[number];

/** What the topology of a namespace limits. Bytes are refused to publishes, the others to declarations. */
export const NAMESPACE_QUOTAS = [...COUNT_QUOTAS, 'stored_bytes'] as const;
export type NamespaceQuota = (typeof NAMESPACE_QUOTAS)[number];

/** Numbers by what is counted. Bytes are counted while they are limited; null: they are not. */
export type Counts = Readonly<Record<CountQuota, number> & { stored_bytes: number | null }>;
export type CountLimits = { readonly [what in NamespaceQuota]?: number | null };

export interface Quotas {
  /** Records and messages that are produced and published, a second. */
  readonly publishPerS?: number | null;
  /** Records and messages that are handed out, a second. */
  readonly deliverPerS?: number | null;
  /** Streams (WebSockets) that are open at the same time. */
  readonly connections?: number | null;
  /** Of a namespace alone: what is counted belongs to it, and not to the token that has made it. */
  readonly counts?: CountLimits;
}

const OF_A_TOKEN = ['publishPerS', 'deliverPerS', 'connections'] as const;

/** Returns true when something that `most` limits is not limited as much. */
export function exceeds(quotas: Quotas = {}, most: Quotas = {}): boolean {
  return OF_A_TOKEN.some((what) => (quotas[what] ?? Infinity) > (most[what] ?? Infinity));
}

type Said = { readonly [what in (typeof OF_A_TOKEN)[number]]?: number | null | undefined };

/** Returns the quotas, and those of the maker where nothing is said. `null` says that there is no limit. */
export function inherited(said: Said = {}, maker: Quotas = {}): Quotas {
  const own = OF_A_TOKEN.flatMap((what) => (said[what] === undefined ? [] : [[what, said[what]] as const]));
  return { ...maker, ...Object.fromEntries(own) };
}

/** Whose quotas count for a call. */
export interface Spender {
  /** The namespace, or the token: names of buckets. */
  readonly key: string;
  readonly what: string;
  readonly quotas: Quotas;
}

/** What a rate counts. */
export type RateKind = 'publish' | 'deliver';

export function rateOf({ publishPerS, deliverPerS }: Quotas, kind: RateKind): number | null {
  return (kind === 'publish' ? publishPerS : deliverPerS) ?? null;
}

/**
 * Returns why there may not be so many more; null if there may. What exists stays, however low the limit is.
 * @param used what exists now
 */
export function refuseMore(
  limits: CountLimits,
  what: CountQuota,
  used: number,
  more: number,
): Failure | null {
  const limit = limits[what] ?? null;
  if (limit === null || more <= 0 || used + more <= limit) return null;
  return failure('quota_exceeded', `the namespace may have ${limit} ${what}, and has ${used}`, {
    quota: what,
    limit,
    used,
  });
}
