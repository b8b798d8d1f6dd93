/** Types of queues. `protocol/schemas/queues.ts` has the limits; a test compares the two. */

/** How a message that was nacked is tried again: a delay in ms for each retry, or delays that grow. */
export type RetrySettings =
  | { scheduleMs: readonly number[] }
  | { baseMs: number; factor: number; maxMs: number; jitter?: number; attempts: number };

/** Where messages go that were rejected, expired, dropped, or failed too often. */
export type DeadLetterSettings = 'none' | { queue: string } | { exchange: string; routingKey?: string };

/** Fields that can change after the queue was made. */
export interface ChangeableQueueFields {
  /** Messages that are older expire, in ms; null: never. Default null. */
  messageTtlMs: number | null;
  /** The queue is deleted when nobody has used it for this long, in ms; null: never. Default null. */
  expiresMs: number | null;
  /** Messages ready for delivery at most; null sets no limit. Default null. */
  maxLength: number | null;
  /** Bytes of the messages ready for delivery at most; null sets no limit. Default null. */
  maxBytes: number | null;
  /** Above a limit: drop the oldest, refuse the newest, or refuse and dead-letter it. Default `drop-head`. */
  overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  /** One consumer at a time is given messages; the next takes over when it is gone. Default false. */
  singleActiveConsumer: boolean;
  /** How long a consumer has a message before it is delivered again, in ms. Default 30,000. */
  leaseMs: number;
  /** A message whose `messageId` was seen within this time is not stored again, in ms; 0: off. Default 0. */
  dedupWindowMs: number;
  /** Default `{ scheduleMs: [1_000, 5_000, 30_000] }`. */
  retry: RetrySettings;
  /** null: the queue `<queue>.dlq`. Default null. */
  deadLetter: DeadLetterSettings | null;
  /** The queue is deleted when its last consumer has left. Default false. */
  autoDelete: boolean;
  /**
   * Settings of the queue that hold unless a policy sets them, by the names of the HTTP API. Of others the queue goes before a
   * policy, and of limits the lower one counts. Default: none.
   */
  unlessPolicy?: ('overflow' | 'lease_ms' | 'dedup_window_ms' | 'retry' | 'dead_letter')[];
  /**
   * What a client keeps with the queue, in 4,096 characters. The broker only compares it when the queue is declared again. A
   * gateway keeps the arguments of another protocol in it. Default: none.
   */
  annotation?: string;
}

export interface FixedQueueFields {
  /** Messages have priorities from 0 to this, 31 at most, the highest first. Default 0. */
  maxPriority: number;
}

export type QueueDeclaration = Partial<ChangeableQueueFields & FixedQueueFields>;
export type QueueChange = Partial<ChangeableQueueFields>;

export interface Queue extends ChangeableQueueFields, FixedQueueFields {
  /** Its name. */
  queue: string;
  /** Likely mistakes, such as a dead-letter target that does not exist. */
  warnings?: string[];
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

export interface QueueStatus {
  /** Messages that can be delivered. */
  ready: number;
  /** Messages that consumers have. */
  leased: number;
  /** Messages that wait for their time: delayed, scheduled, or to be retried. */
  parked: number;
  /** Dead letters on their way to another queue or an exchange. */
  outgoing: number;
  /** Why they still wait, in words; null if nothing is wrong. */
  outgoingProblem: string | null;
  /** Dead letters that no target took, since the queue was created, by cause. */
  lost: { cycle: number; hopLimit: number; unroutable: number; dropped: number };
  /** Bytes stored for messages that are ready or leased. */
  bytes: number;
  /** When the oldest ready message was published, in ms since 1970. */
  oldestMs: number | null;
  /** Consumers that wait or hold messages. */
  consumers: number;
  isPaused: boolean;
  /** The alert rules that match it. */
  alerts: {
    alert: string;
    /** `pending`: above the threshold, but not for `forMs` yet. */
    state: 'ok' | 'pending' | 'firing';
    /** When it came to that state, in ms since 1970; null: it was always ok. */
    since: number | null;
    /** Notices that the receiver has not taken yet. */
    undelivered: number;
  }[];
  /** What the object occupies on disk, in bytes. */
  storageBytes: number;
  /** What happened since the object woke, and the rows that the platform bills for it. */
  meter: {
    rowsWritten: number;
    rowsRead: number;
    published: number;
    delivered: number;
    /** Acknowledged. */
    settled: number;
    deadLettered: number;
    expired: number;
    dropped: number;
    /** Sent back to where they came from, or elsewhere. */
    replayed: number;
    commits: number;
    /** When this count began, in ms since 1970. */
    since: number;
  };
}
