/**
 * The one table of errors that a caller can cause: code, HTTP status, and whether the same request may succeed later.
 * Codes are stable; texts are not. Every other error is a bug, and the answer is `internal_error`.
 */

import { REQUEST_BYTES_MAX } from './limits.ts';

interface ErrorDefinition {
  /** HTTP status of the reply. */
  readonly status: number;
  /** True if the same request may succeed when it is sent again. */
  readonly retryable: boolean;
  /** The meaning, for people: the `title` of the problem document. */
  readonly title: string;
}

const permanent = (status: number, title: string): ErrorDefinition => ({ status, retryable: false, title });
const transient = (status: number, title: string): ErrorDefinition => ({ status, retryable: true, title });

export const errorTable = {
  // The request as such
  malformed_json: permanent(400, 'The body is not JSON'),
  invalid_field: permanent(400, 'A field has a wrong type or value'),
  unknown_field: permanent(400, 'The request has a field that this call does not have'),
  invalid_name: permanent(400, 'The name is not allowed'),
  unsupported_media_type: permanent(415, 'This call does not accept the content type of the body'),
  request_too_large: permanent(413, 'The request is larger than allowed'),
  incomplete_request: transient(400, 'The body ended too early'),
  request_timeout: transient(408, 'The body came too slowly'),
  too_many_records: permanent(413, 'The request has more records than allowed'),
  route_not_found: permanent(404, 'There is no such path'),
  method_not_allowed: permanent(405, 'The path does not support this method'),

  // Access
  unauthenticated: permanent(401, 'The request has no credential that this broker accepts'),
  too_many_unknown_tokens: transient(429, 'Too many tokens that do not exist were sent'),
  forbidden: permanent(403, 'The credential does not allow this'),
  token_not_found: permanent(404, 'There is no such token'),
  token_revoked: permanent(409, 'The token was revoked'),
  token_rotating: permanent(409, 'The former secret of the token is still good; wait until it has expired'),

  // Browsers
  foreign_page: permanent(403, 'A page of another origin sent the request'),
  host_not_local: permanent(403, 'Without a root token the broker answers only on loopback'),

  // Record batches
  truncated_batch: permanent(400, 'A record batch ends before its stated length'),
  unsupported_magic: permanent(400, 'Only record batches of magic 2 are supported'),
  corrupt_batch: permanent(400, 'The CRC-32C of a record batch does not match its content'),
  unsupported_compression: permanent(400, 'Record batches must be uncompressed, gzip, snappy, lz4 or zstd'),
  invalid_batch: permanent(400, 'A record batch contradicts itself'),
  batch_too_large: permanent(413, 'A record batch is larger than allowed'),
  record_too_large: permanent(413, 'A record is larger than allowed'),
  invalid_timestamp: permanent(400, 'A timestamp lies too far in the future'),
  upgrade_required: permanent(426, 'This path is a WebSocket'),
  invalid_message: permanent(400, 'A message contradicts itself or has properties that are not allowed'),
  invalid_event: permanent(400, 'A CloudEvent lacks an attribute or contradicts itself'),
  invalid_frame: permanent(400, 'A binary frame is cut off or contradicts itself'),
  consumer_id_required: permanent(
    400,
    'The queue serves one consumer at a time; name the consumer with consumer_id',
  ),
  publish_too_wide: permanent(413, 'The messages go to more destinations in all than one request may reach'),
  too_many_tags: permanent(413, 'The settlement has more tags than allowed'),
  key_required: permanent(400, 'A compacted topic accepts only records with a key'),

  invalid_signature: permanent(401, 'The signature of the request is missing, wrong or too old'),

  // What is addressed
  namespace_not_found: permanent(404, 'There is no such namespace'),
  not_confirmed: permanent(400, 'The deletion does not repeat the name of what is deleted'),
  namespace_reserved: permanent(403, 'The namespace belongs to the broker'),
  namespace_deleting: transient(409, 'The namespace is being deleted'),
  topic_not_found: permanent(404, 'There is no such topic'),
  // As Kafka's INCONSISTENT_TOPIC_ID. What to do: begin again in the new topic, by the reset policy.
  inconsistent_topic_id: permanent(
    409,
    'The request names a topic that was deleted; another topic has its name now',
  ),
  partition_not_found: permanent(404, 'The topic has no such partition'),
  queue_not_found: permanent(404, 'There is no such queue'),
  exchange_not_found: permanent(404, 'There is no such exchange'),
  binding_not_found: permanent(404, 'There is no such binding'),
  policy_not_found: permanent(404, 'There is no such policy'),
  alert_not_found: permanent(404, 'There is no such alert'),
  schedule_not_found: permanent(404, 'There is no such schedule'),
  subscription_not_found: permanent(404, 'There is no such subscription'),
  hook_not_found: permanent(404, 'There is no such hook'),
  object_not_found: permanent(404, 'There is no such object, or it has expired'),
  dead_letter_not_found: permanent(404, 'There is no such dead letter'),
  replay_not_found: permanent(404, 'There is no such replay'),
  message_not_found: permanent(404, 'The queue holds no such message'),
  move_not_found: permanent(404, 'There is no such move'),
  // What to do: wait until it is settled or its lease ends, then list again.
  message_leased: permanent(409, 'A consumer has the message'),
  message_keyed: permanent(409, 'The message has an ordering key and cannot pass others of that key'),
  stored_batch_corrupt: permanent(
    500,
    'A stored record batch is damaged: its CRC-32C does not match; read on from `next_offset`, or skip it',
  ),
  log_moved: transient(409, 'Another request has written to the log meanwhile'),
  offset_below_start: permanent(416, 'The offset lies before the start of the log'),
  offset_past_end: permanent(416, 'The offset lies past the end of the log'),

  // What to do: try again; if it lasts, see whether the bucket has the object that the reply names (docs/endless-retention.md).
  cold_unavailable: transient(503, 'The bucket did not return records of the log'),

  // Objects
  object_differs: permanent(409, 'There is another object of that id'),
  length_required: permanent(411, 'The request must say how long its body is'),
  digest_mismatch: permanent(400, 'The body is not the one whose SHA-256 was sent'),
  upload_not_found: permanent(404, 'There is no such upload of an object'),
  invalid_part: permanent(400, 'The part has not the number or the bytes of one of the upload'),
  // What to do: send the parts that are missing again, then complete it.
  upload_incomplete: permanent(409, 'Parts of the upload are missing, or are not those that were stored'),
  range_unsatisfiable: permanent(416, 'The object has no bytes in that range'),
  // What to do: bind an R2 bucket as OBJECTS (docs/large-bodies.md).
  objects_unbound: permanent(501, 'The broker has no bucket for objects'),
  // What to do: see whether the bucket exists, and whether the account may use R2.
  objects_refused: permanent(502, 'The bucket for objects refuses the broker'),

  // Subscriptions
  // What to do: bind the Worker as `details.binding` (docs/push-to-workers.md).
  worker_unbound: permanent(400, 'The broker has no service binding of that Worker'),

  // Definitions
  topic_differs: permanent(409, 'The topic exists with another definition'),
  queue_differs: permanent(409, 'The queue exists with another definition'),
  queue_in_use: permanent(409, 'The queue has consumers'),
  queue_not_empty: permanent(409, 'The queue holds messages'),
  exchange_differs: permanent(409, 'The exchange exists with another definition'),
  exchange_reserved: permanent(403, 'The exchange belongs to the broker'),
  exchange_in_use: permanent(409, 'The exchange has bindings'),
  exchange_internal: permanent(403, 'The exchange accepts messages from other exchanges only'),
  too_many_alerts: permanent(409, 'The namespace has the maximum number of alerts'),
  too_many_schedules: permanent(409, 'The namespace has the maximum number of schedules'),
  too_many_subscriptions: permanent(
    409,
    'The namespace or the queue has the maximum number of subscriptions',
  ),
  too_many_hooks: permanent(409, 'The namespace has the maximum number of hooks'),
  too_many_bindings: permanent(409, 'The namespace has the maximum number of bindings'),
  partitions_cannot_shrink: permanent(409, 'Partitions can be added, not removed'),
  // What to do: ask for a new plan.
  definitions_changed: permanent(409, 'The definitions have changed since the plan was made'),
  definitions_too_large: permanent(413, 'The definitions are more than one document may hold'),
  // What to do: apply the document again. `details.failed` says what is left.
  definitions_incomplete: transient(503, 'Some queues could not be deleted; everything else is done'),
  jurisdiction_unavailable: permanent(400, 'This runtime cannot hold data in a jurisdiction'),
  // What to do: bind a bucket (docs/endless-retention.md), lower `retention_bytes`, or use more partitions.
  retention_unavailable: permanent(400, 'A partition cannot hold that many bytes'),

  // Producers and transactions
  producer_fenced: permanent(409, 'A newer instance has replaced the producer'),
  out_of_order_sequence: permanent(409, 'The sequence does not follow the last one of the producer'),
  unknown_producer: permanent(409, 'The partition or queue does not know the producer, or has forgotten it'),
  transaction_not_found: permanent(404, 'There is no such transactional id'),
  transaction_aborted: permanent(409, 'The transaction was aborted'),
  transaction_committed: permanent(409, 'The transaction was committed'),
  transaction_too_large: permanent(413, 'The transaction has more parts than allowed'),
  transaction_in_progress: transient(503, 'The previous transaction is still ending'),
  transaction_unavailable: transient(503, 'The transaction coordinator did not answer'),
  offsets_pending: transient(503, 'An open transaction has committed an offset of the group'),

  // Consumer groups. What to do: join again (not found), heartbeat (stale epoch, not owned), stop (instance fenced), try again later (in use).
  group_not_found: permanent(404, 'There is no such consumer group'),
  member_not_found: permanent(404, 'The group has no such member; join again'),
  instance_fenced: permanent(409, 'Another member has joined under the same instance id; stop'),
  instance_in_use: permanent(409, 'A member with the same instance id is there and has not left'),
  stale_epoch: permanent(409, 'The epoch is not that of the last reply; heartbeat, then continue'),
  partition_not_owned: permanent(
    409,
    'The partition is not assigned to this member; heartbeat to learn the assignment',
  ),
  // Of groups whose members assign partitions themselves, as Kafka's classic protocol says.
  member_id_required: permanent(409, 'A new member has to join again with the id that the answer gives'),
  rebalance_in_progress: permanent(409, 'The members of the group have changed; join again'),
  inconsistent_protocol: permanent(409, 'The member has no protocol in common with the group'),
  group_not_empty: permanent(409, 'The group has members'),
  share_group_not_found: permanent(404, 'There is no such share group'),
  too_many_share_groups: permanent(409, 'The namespace has the maximum number of share groups'),
  group_full: permanent(409, 'The group has the maximum number of members'),
  replay_refused: permanent(409, 'The dead letter cannot be sent back in this way'),

  quota_exceeded: permanent(409, 'The namespace has as many of these as its quota allows'),

  // The state of the service
  quota: transient(429, 'The namespace or the token has used up its quota for now'),
  overloaded: transient(429, 'The broker holds as many bytes as it can'),
  unavailable: transient(503, 'A part of the service did not answer'),
  cost_ceiling: transient(429, 'The namespace has reached its ceiling of rows written in this hour'),
  schedule_busy: transient(429, 'The schedule still has publishes that wait'),
  schedule_unavailable: transient(503, 'The schedule did not answer'),
  subscription_unavailable: transient(503, 'The subscription did not answer'),
  partition_overloaded: transient(429, 'The partition has too many waiting appends'),
  partition_unavailable: transient(503, 'The partition did not answer'),
  group_unavailable: transient(503, 'The group did not answer'),
  storage_full: transient(507, 'The queue or partition has reached its storage limit'),
  disk_full: transient(507, 'The disk of the broker is full'),
  queue_full: transient(429, 'The queue is full and refuses messages'),
  queue_overloaded: transient(429, 'The queue has too many messages that wait to be stored'),
  queue_unavailable: transient(503, 'The queue did not answer'),
  unroutable: permanent(404, 'The message is routed to no queue or topic'),
  // Not to be sent again blindly: the request may have been served, and only its reply be missing.
  no_reply: permanent(504, 'No reply to the request came in time'),
  // Not to be sent again blindly either: without a producer's sequences the part that is stored would be stored twice.
  partly_stored: permanent(409, 'Some partitions have stored their records, others have not'),
  publish_incomplete: transient(503, 'Some destinations have stored the messages, others have not'),
  internal_error: transient(500, 'The broker has an internal error'),
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errorTable;

/** An expected failure, as a value: it crosses object boundaries unchanged. Thrown errors would lose their fields. */
export interface Failure {
  readonly code: ErrorCode;
  /** What happened and what to do about it, for the person who reads the reply. */
  readonly message: string;
  /** Further members of the problem document, such as the valid range of an offset. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export function failure(code: ErrorCode, message: string, details?: Record<string, unknown>): Failure {
  return details === undefined ? { code, message } : { code, message, details };
}

/** No success value of this code base has a member `code`. */
export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'code' in value;
}

/** The body of every error reply: RFC 9457, `application/problem+json`, with `code` and `retryable` added. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  retryable: boolean;
  [extension: string]: unknown;
}

/** How long to wait before a request is sent again, in s. */
const PAUSE_S = 1;

/** Statuses whose replies always say when to come again (RFC 9110, 10.2.3; RFC 6585, 4). */
const STATUSES_OF_A_PAUSE = new Set([429, 503, 507]);

/** After how many seconds the request may be sent again, if the failure or its status says so; null: neither does. */
export function retryAfterOf({ code, details }: Failure): number | null {
  const stated = details?.['retry_after_s'];
  if (typeof stated === 'number') return stated;
  return STATUSES_OF_A_PAUSE.has(errorTable[code].status) ? PAUSE_S : null;
}

export function problemOf({ code, message, details }: Failure): ProblemDocument {
  const { status, retryable, title } = errorTable[code];
  return {
    type: `urn:posthorn:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    retryable,
    ...details,
  };
}

export const requestTooLarge = (): Failure =>
  failure('request_too_large', `a request may have ${REQUEST_BYTES_MAX} bytes; send several`, {
    bytes_max: REQUEST_BYTES_MAX,
  });
