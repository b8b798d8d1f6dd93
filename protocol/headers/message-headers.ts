/** The headers of a record that are the broker's: the properties of a message, and what a delivery adds. */

/** Names of headers that begin with it are the broker's. */
export const RESERVED_PREFIX = ':';

/** The header of each property that travels as one. */
export const PROPERTY_HEADERS = {
  priority: ':priority',
  expiration_ms: ':expiration-ms',
  delay_ms: ':delay-ms',
  deliver_at: ':deliver-at',
  message_id: ':message-id',
  correlation_id: ':correlation-id',
  reply_to: ':reply-to',
  content_type: ':content-type',
  timestamp: ':timestamp',
  type: ':type',
  app_id: ':app-id',
  claim: ':claim',
} as const;

/** Set by the broker, given with a delivery. */
export const EXCHANGE_HEADER = ':exchange';
export const ROUTING_KEY_HEADER = ':routing-key';
/** Deliveries and failed attempts that a message had before it was parked, in decimal. */
export const DELIVERIES_HEADER = ':deliveries';
export const FAILURES_HEADER = ':failures';
/** The failed attempts that a message had before it was parked: `StoredAttempts` (dead-letters.ts) as JSON. */
export const ATTEMPTS_HEADER = ':attempts';
/** On a dead letter: why, from which queue, and the rest as JSON (`StoredDeath` in dead-letters.ts). */
export const DEATH_REASON_HEADER = ':death-reason';
export const DEATH_QUEUE_HEADER = ':death-queue';
export const DEATH_HEADER = ':death';
/** Where a message died before, the last first: `DeathEntry[]` as JSON. Stays when it is replayed. */
export const DEATHS_HEADER = ':deaths';
/** On the record that stands for a message whose stored batch is damaged: what is wrong. Such a record is never stored in a lane. */
export const DAMAGED_HEADER = ':damaged';
/** How often the broker itself has published the message on, in decimal. */
export const HOPS_HEADER = ':hops';
