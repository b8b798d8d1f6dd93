/** Broker errors: the SDK's errors as Kafka's codes. */

import { asPosthornError, type PosthornErrorCode } from '../../../sdk/errors.ts';
import { ERRORS, type KafkaError } from '../../../wire/kafka/error-codes.ts';

/** What a code is about: refusals of access are told apart by it. */
export type About = 'topic' | 'group' | 'transaction' | 'cluster';

const CODES: Partial<Record<PosthornErrorCode, KafkaError>> = {
  truncated_batch: 'CORRUPT_MESSAGE',
  corrupt_batch: 'CORRUPT_MESSAGE',
  unsupported_magic: 'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  unsupported_compression: 'UNSUPPORTED_COMPRESSION_TYPE',
  invalid_batch: 'INVALID_RECORD',
  key_required: 'INVALID_RECORD',
  batch_too_large: 'MESSAGE_TOO_LARGE',
  record_too_large: 'MESSAGE_TOO_LARGE',
  too_many_records: 'RECORD_LIST_TOO_LARGE',
  request_too_large: 'RECORD_LIST_TOO_LARGE',
  invalid_timestamp: 'INVALID_TIMESTAMP',
  storage_full: 'KAFKA_STORAGE_ERROR',
  disk_full: 'KAFKA_STORAGE_ERROR',
  stored_batch_corrupt: 'CORRUPT_MESSAGE',
  offset_below_start: 'OFFSET_OUT_OF_RANGE',
  offset_past_end: 'OFFSET_OUT_OF_RANGE',
  topic_not_found: 'UNKNOWN_TOPIC_OR_PARTITION',
  partition_not_found: 'UNKNOWN_TOPIC_OR_PARTITION',
  inconsistent_topic_id: 'UNKNOWN_TOPIC_OR_PARTITION',
  partition_unavailable: 'NOT_LEADER_OR_FOLLOWER',
  partition_overloaded: 'REQUEST_TIMED_OUT',
  cold_unavailable: 'KAFKA_STORAGE_ERROR',
  topic_differs: 'TOPIC_ALREADY_EXISTS',
  partitions_cannot_shrink: 'INVALID_PARTITIONS',
  invalid_name: 'INVALID_TOPIC_EXCEPTION',
  quota_exceeded: 'POLICY_VIOLATION',
  quota: 'THROTTLING_QUOTA_EXCEEDED',
  cost_ceiling: 'THROTTLING_QUOTA_EXCEEDED',
  overloaded: 'THROTTLING_QUOTA_EXCEEDED',
  producer_fenced: 'INVALID_PRODUCER_EPOCH',
  out_of_order_sequence: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  unknown_producer: 'UNKNOWN_PRODUCER_ID',
  transaction_not_found: 'INVALID_PRODUCER_ID_MAPPING',
  transaction_aborted: 'INVALID_TXN_STATE',
  transaction_committed: 'INVALID_TXN_STATE',
  transaction_too_large: 'POLICY_VIOLATION',
  transaction_in_progress: 'CONCURRENT_TRANSACTIONS',
  transaction_unavailable: 'COORDINATOR_NOT_AVAILABLE',
  offsets_pending: 'UNSTABLE_OFFSET_COMMIT',
  group_not_found: 'GROUP_ID_NOT_FOUND',
  share_group_not_found: 'GROUP_ID_NOT_FOUND',
  group_not_empty: 'NON_EMPTY_GROUP',
  group_unavailable: 'COORDINATOR_NOT_AVAILABLE',
  group_full: 'GROUP_MAX_SIZE_REACHED',
  member_id_required: 'MEMBER_ID_REQUIRED',
  rebalance_in_progress: 'REBALANCE_IN_PROGRESS',
  inconsistent_protocol: 'INCONSISTENT_GROUP_PROTOCOL',
  member_not_found: 'UNKNOWN_MEMBER_ID',
  instance_fenced: 'FENCED_INSTANCE_ID',
  instance_in_use: 'UNRELEASED_INSTANCE_ID',
  stale_epoch: 'ILLEGAL_GENERATION',
  partition_not_owned: 'ILLEGAL_GENERATION',
  connection_failed: 'REQUEST_TIMED_OUT',
  timeout: 'REQUEST_TIMED_OUT',
  no_reply: 'REQUEST_TIMED_OUT',
  unavailable: 'REQUEST_TIMED_OUT',
};

const FORBIDDEN: Record<About, KafkaError> = {
  topic: 'TOPIC_AUTHORIZATION_FAILED',
  group: 'GROUP_AUTHORIZATION_FAILED',
  transaction: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  cluster: 'CLUSTER_AUTHORIZATION_FAILED',
};

export interface KafkaFailure {
  errorCode: number;
  errorMessage: string;
  /** Which records of a batch are to blame. Clients tell the others apart from them. */
  recordErrors?: { batchIndex: number; batchIndexErrorMessage: string }[];
}

export function kafkaFailure(name: KafkaError, message: string): KafkaFailure {
  return { errorCode: ERRORS[name], errorMessage: message };
}

/** What the table does not name is the request's fault if the broker says so, and the server's otherwise. */
export function failureOf(cause: unknown, about: About): KafkaFailure {
  const { code, message, status = 500, details } = asPosthornError(cause);
  if (code === 'forbidden' || code === 'unauthenticated') return kafkaFailure(FORBIDDEN[about], message);
  const name =
    CODES[code] ?? (status < 500 || code === 'invalid_argument' ? 'INVALID_REQUEST' : 'UNKNOWN_SERVER_ERROR');
  const failure = kafkaFailure(name, `${message} (${code})`);
  if (code !== 'key_required' || !Array.isArray(details['records'])) return failure;
  const recordErrors = (details['records'] as number[]).map((batchIndex) => ({
    batchIndex,
    batchIndexErrorMessage: message,
  }));
  return { ...failure, recordErrors };
}
