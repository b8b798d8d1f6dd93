/** Settlement: what a consumer does to a delivered message. */

export interface NackFields {
  /** Before the next attempt, in ms; 0: at once, at its old place. Default: as the queue's retry schedule says. */
  delayMs?: number | undefined;
  /** Why: an Error, or anything else that was thrown. */
  error?: unknown;
}

export type Settlement =
  | { kind: 'ack' | 'release' }
  | ({ kind: 'nack' } & NackFields)
  | { kind: 'reject'; error?: unknown }
  | { kind: 'extend'; leaseMs: number };
