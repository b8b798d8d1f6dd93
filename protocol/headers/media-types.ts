/** Content types and header names of the contract. */

export const JSON_TYPE = 'application/json';

/** Bytes of which nothing is known. */
export const BYTES_TYPE = 'application/octet-stream';

/** A JSON value a line. */
export const JSON_LINES_TYPE = 'application/jsonl';

/** Server-sent events. */
export const EVENT_STREAM_TYPE = 'text/event-stream';

export const PROBLEM_TYPE = 'application/problem+json';

/** Kafka record batches of magic 2, one after another, byte for byte. */
export const RECORD_BATCH_TYPE = 'application/vnd.kafka.record-batch.v2';

/** Deliveries of a queue as bytes: delivery-frame.ts. */
export const DELIVERIES_TYPE = 'application/vnd.posthorn.deliveries.v1';

/** Settlements, and what became of them, as bytes: settlement-frame.ts. */
export const SETTLEMENTS_TYPE = 'application/vnd.posthorn.settlements.v1';

/** What a member of a group reads, as bytes: group-frame.ts. */
export const GROUP_RECORDS_TYPE = 'application/vnd.posthorn.group-records.v1';

/** What a member of a share group has acquired, as bytes: acquired-frame.ts. */
export const ACQUIRED_RECORDS_TYPE = 'application/vnd.posthorn.acquired-records.v1';

/** Of every type whose body has the attributes of events, so that they are not in headers. */
export const CLOUD_EVENT_TYPE_PREFIX = 'application/cloudevents';

/** CloudEvents as JSON: one, and an array of them. */
export const CLOUD_EVENT_TYPE = 'application/cloudevents+json';
export const CLOUD_EVENT_BATCH_TYPE = 'application/cloudevents-batch+json';

/** On a fetch of bytes: where it began, for dropping the records of the first batch that lie before. An offset. */
export const START_OFFSET_HEADER = 'posthorn-start-offset';

/** On a fetch of bytes, what the JSON reply has as members. All are offsets. */
export const NEXT_OFFSET_HEADER = 'posthorn-next-offset';
export const HIGH_WATERMARK_HEADER = 'posthorn-high-watermark';
export const LOG_START_OFFSET_HEADER = 'posthorn-log-start-offset';
export const LAST_STABLE_OFFSET_HEADER = 'posthorn-last-stable-offset';

/** On a fetch of bytes: the topic that these offsets belong to, which has another id when it is deleted and made again. */
export const TOPIC_ID_HEADER = 'posthorn-topic-id';

/** On a delivery frame for a request of one message that does not wait: how many were ready besides. */
export const READY_MESSAGES_HEADER = 'posthorn-ready-messages';

/**
 * The version of the namespace's topology. A reply to a change carries it; a request that sends it back is never
 * answered from an older view, so that a client reads its own writes.
 */
export const TOPOLOGY_VERSION_HEADER = 'posthorn-topology-version';

/** Headers of replies that a page of another origin may read, besides the few that browsers always show. Bundles of clients go without. */
export const EXPOSED_HEADERS = /* @__PURE__ */ [
  START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  HIGH_WATERMARK_HEADER,
  LOG_START_OFFSET_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  TOPIC_ID_HEADER,
  READY_MESSAGES_HEADER,
  TOPOLOGY_VERSION_HEADER,
  'retry-after',
  'www-authenticate',
].join(', ');
