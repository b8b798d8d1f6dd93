/** Quotas: what a namespace or a token may use up. A field that is absent or null sets no limit. */

export interface Quotas {
  /** Records and messages that are produced and published, a second. */
  readonly publishPerS?: number | null;
  /** Records and messages that are handed out, a second. */
  readonly deliverPerS?: number | null;
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
