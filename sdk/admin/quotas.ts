/** Quotas: what a namespace or a token may use up. Null, or left out: no limit. */

export interface RateQuotas {
  /** Records and messages that are produced and published, a second. */
  publishPerS?: number | null;
  /** Records and messages that are handed out, a second. */
  deliverPerS?: number | null;
  /** Streams that are open at the same time. */
  connections?: number | null;
}

export interface Quotas extends RateQuotas {
  queues?: number | null;
  topics?: number | null;
  /** Of all topics together. */
  partitions?: number | null;
  bindings?: number | null;
  /** Consumer groups and share groups. */
  groups?: number | null;
}
