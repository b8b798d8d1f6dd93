/** Settlements by name: what a consumer says of a delivery, and what the queue answers. */

export const SETTLEMENT_KINDS = ['ack', 'nack', 'reject', 'release', 'extend'] as const;
export type SettlementKind = (typeof SETTLEMENT_KINDS)[number];

/** The last five have changed nothing. */
export const SETTLE_OUTCOMES = [
  'settled',
  'requeued',
  'parked',
  'dead_lettered',
  'dropped',
  'extended',
  'unknown_tag',
  'already_settled',
  'lease_expired',
  'not_yours',
  'invalid',
] as const;
export type SettleOutcome = (typeof SETTLE_OUTCOMES)[number];
