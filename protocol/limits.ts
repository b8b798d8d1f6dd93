/**
 * Limits of the contract. Each name ends with its unit, and each comment gives the reason.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** A segment row holds whole batches; the platform refuses a row above 2 MB, and 1 MiB leaves room for both. */
export const SEGMENT_BYTES_MAX = MiB;

/** A batch must fit one segment. */
export const BATCH_BYTES_MAX = SEGMENT_BYTES_MAX;

/** What a gzip batch may inflate to: bounds the memory that one reader or the compactor needs. */
export const BATCH_INFLATED_BYTES_MAX = 8 * MiB;

/**
 * What the gzip batches of one produce request may inflate to in all: they are inflated to be checked, one after another,
 * and what takes a request 16 MiB to say must not keep the router busy for minutes.
 */
export const REQUEST_INFLATED_BYTES_MAX = 64 * MiB;

/** Key, value and headers of one record together; the rest of a batch is its own header. */
export const RECORD_BYTES_MAX = BATCH_BYTES_MAX - KiB;

/** One produce request. It is held in the memory of the router while it is checked. */
export const REQUEST_BYTES_MAX = 16 * MiB;

/** Arguments of one call between objects, below the 32 MiB of the platform: numbers can be longer as JSON than they were sent. */
export const CALL_BYTES_MAX = 30 * MiB;

/** Requests of one socket: each makes calls to objects, of which an invocation of a Worker may make 10,000. */
export const REQUEST_SOCKET_FRAMES_MAX = 2_000;

/** Requests of one socket that wait for an answer, and their bytes: they are in the memory of the router. */
export const REQUEST_SOCKET_WAITING_MAX = 64;
export const REQUEST_SOCKET_BYTES_MAX = 4 * MiB;

/** One produce request as JSON, and one fetch: bounds validation time and the size of a reply. */
export const REQUEST_RECORDS_MAX = 10_000;

/**
 * Arrays and objects within each other in a JSON body. Most JSON libraries read so much (Jackson and Python 1,000, PHP 512),
 * and recursive code in the broker is far from the end of its stack.
 */
export const JSON_DEPTH_MAX = 512;

/** Header values of one record or message as JSON, and members of the arguments of a binding: bounds validation time. */
export const HEADER_VALUES_MAX = 1_000;

export const PARTITIONS_MAX = 1_000;

/** Kafka's rule for topics: 249 characters, because names become parts of longer ones. */
export const NAME_LENGTH_MAX = 249;

/** RabbitMQ's rule for queues and exchanges: a short string of AMQP. */
export const WIDE_NAME_BYTES_MAX = 255;

/** One page of a list: definitions, dead letters. */
export const PAGE_BYTES_MAX = 4 * MiB;

export const FETCH_BYTES_DEFAULT = MiB;
export const FETCH_BYTES_MAX = 8 * MiB;

/** How long a poll may wait. Longer than most proxies allow; the client asks again. */
export const WAIT_MS_MAX = 300_000;

/** Kafka's `message.timestamp.after.max.ms`: a timestamp from the far future would defeat retention by time. */
export const TIMESTAMP_AHEAD_MS_MAX = 3_600_000;

/** Appends that wait in the memory of one partition; above it the producer is told to slow down. */
export const PENDING_APPEND_BYTES_MAX = 32 * MiB;

/** RabbitMQ 4.3 has 32 strict priorities. */
export const PRIORITY_MAX = 31;

/** Lanes of a queue, numbered from 0: two for each priority (core/queue/state/lane.ts). A limit of lanes is never that of priorities. */
export const LANES = 2 * (PRIORITY_MAX + 1);

/** TTLs, delays and windows: ten years, so that every time computed from them is an exact number. */
export const TIME_SPAN_MS_MAX = 315_360_000_000;

/** A lease that lasts longer is extended, so that a lost consumer is noticed within a day (SQS allows 12 hours). */
export const LEASE_MS_MIN = 100;
/** Of a definition, in UTF-16 units: definitions are read whole and often. */
export const ANNOTATION_LENGTH_MAX = 4_096;

export const LEASE_MS_MAX = 86_400_000;

/** How often the client of a stream says something, where it has announced that. */
export const HEARTBEAT_MS_MIN = 500;
export const HEARTBEAT_MS_MAX = 600_000;

/** A limit above it is none: an object holds 10 GB. */
export const QUEUE_LENGTH_LIMIT_MAX = 1_000_000_000_000;

/** Retries that a schedule may list. */
export const RETRY_ATTEMPTS_MAX = 100;

/** One request of messages to a consumer. */
export const DELIVER_MESSAGES_MAX = 10_000;
export const DELIVER_BYTES_MAX = 8 * MiB;

/** Messages in one settlement. */
export const SETTLE_TAGS_MAX = 10_000;

/** Of message ids, correlation ids, reply addresses, types and application ids: AMQP's short string. */
export const PROPERTY_LENGTH_MAX = 255;

/** Of an ordering key, in bytes: keys in flight are kept in memory. */
export const ORDERING_KEY_BYTES_MAX = 1_024;

/** AMQP's short string, which a routing key is; headers to hash are held to it too. */
export const ROUTING_KEY_BYTES_MAX = 255;

/** Routing keys that a message may have beside its own. Exchanges are asked for each. */
export const FURTHER_KEYS_MAX = 100;

/** Arguments of one binding as JSON: they are compared with every message that may match. */
export const BINDING_ARGUMENTS_LENGTH_MAX = 4_096;

/** One request that makes bindings: one commit of the topology. */
export const BINDINGS_PER_REQUEST_MAX = 5_000;

/** Entries of a document of definitions: the topology applies all of them in one commit. */
export const DEFINITIONS_ENTRIES_MAX = 10_000;

/** What one document of definitions may create, change and delete in all. */
export const DEFINITIONS_STEPS_MAX = 20_000;

/** A document of definitions that is exported: the topology and the router hold it in memory. */
export const DEFINITIONS_BYTES_MAX = 8 * MiB;

/** Bindings of a namespace: a router holds all of them in memory, some 500 bytes each. */
export const BINDINGS_MAX = 200_000;

/** Copies of the messages of one publish, in all destinations. One message by itself goes to as many as there are. */
export const PUBLISH_COPIES_MAX = 500_000;

/** Items of one page of a list. */
export const PAGE_ITEMS_MAX = 1_000;

/** Kafka's `transaction.timeout.ms` and its highest: an open transaction holds up readers of committed records. */
export const TRANSACTION_TIMEOUT_MS_DEFAULT = 60_000;
export const TRANSACTION_TIMEOUT_MS_MIN = 1_000;
export const TRANSACTION_TIMEOUT_MS_MAX = 900_000;

/** Partitions of one transaction: each gets a marker, and all are in one row. */
export const TRANSACTION_PARTITIONS_MAX = 1_000;

/** Messages that one transaction holds until it is committed, and their bytes: they are in memory when they are sent. */
export const TRANSACTION_MESSAGES_MAX = 10_000;
export const TRANSACTION_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** Of one publish within a transaction: it has to fit a row. */
export const TRANSACTION_PUBLISH_BYTES_MAX = 1024 * 1024;

/** Where its messages go, as JSON: in the same row. */
export const TRANSACTION_PLACES_LENGTH_MAX = 768 * 1024;

/** Epochs are int16. The last one is for the marker that ends the last transaction of a producer id. */
export const PRODUCER_EPOCH_MAX = 32_766;

/** Ids above it stand in the logs of topics for producers that publish through exchanges (core/log/exchange-batch.ts). */
export const PRODUCER_ID_MAX = 2 ** 52 - 1;

/** Of a consumer group: each change of one is weighed against all the others. */
export const GROUP_MEMBERS_MAX = 10_000;

/** Topics that a member may name; a pattern may match more. */
export const GROUP_TOPICS_MAX = 1_000;

/** Partitions in one request of a group's member. */
export const GROUP_OFFSETS_MAX = 10_000;

/** A member that is not heard of for so long is removed. Above half an hour a dead one would block too long. */
export const SESSION_TIMEOUT_MS_MIN = 1_000;
export const SESSION_TIMEOUT_MS_MAX = 1_800_000;
/** Kafka's, of groups with assignment by the server. */
export const SESSION_TIMEOUT_MS_DEFAULT = 45_000;

/** Kafka's too, and below the ten seconds after which an idle object leaves memory. */
export const HEARTBEAT_INTERVAL_MS_MAX = 5_000;

/** Of the text that a commit may carry: Kafka's `offset.metadata.max.bytes`. */
export const OFFSET_METADATA_BYTES_MAX = 4_096;

/** Committed: that there is none, so that the group begins by its reset policy. */
export const OFFSET_NONE = -1;

/** Committed: where the log starts at the moment in which the group reads on. */
export const OFFSET_EARLIEST = -2;

/** How long committed offsets stay after the last commit, once the group has no members: Kafka's default. */
export const OFFSETS_RETENTION_MS = 604_800_000;

/** What is kept of the error of a failed attempt, in characters; what is longer is cut, with a note. */
export const ERROR_TYPE_LENGTH_MAX = 255;
export const ERROR_MESSAGE_LENGTH_MAX = 8_192;
export const ERROR_STACK_LENGTH_MAX = 32_768;

/** Entries of the history of a dead letter, one for each queue and reason: older ones are left out. */
export const DEATH_HISTORY_MAX = 32;

/**
 * How often the broker itself may publish one message on: a dead letter, a replay. RabbitMQ's way of retrying by a queue
 * with a time to live takes two a round, so this is for loops that nobody meant.
 */
export const BROKER_HOPS_MAX = 64;

/** Dead letters that one call looks at: the rest is for the next page. */
export const DEAD_LETTER_SCAN_MAX = 10_000;

/** Dead letters of one page, and ids in one request. */
export const DEAD_LETTER_PAGE_MAX = 500;

/** Of an explained route: exchanges, and destinations in all. A person reads it, and a graph may have 100,000 bindings. */
export const ROUTE_STEPS_MAX = 100;
export const ROUTE_SHOWN_MAX = 1_000;

/** Messages of one page of a queue. */
export const MESSAGE_PAGE_MAX = 500;

/** Replays that a queue remembers; the oldest that have ended are forgotten. */
export const REPLAYS_MAX = 20;

/** Messages per second of a replay that asks for a rate. */
export const REPLAY_RATE_MAX = 10_000;

/** Of a share group in one partition, Kafka's default: all that is not done is in one row. */
export const SHARE_IN_FLIGHT_MAX = 2_000;

/** Topics of a share group, and share groups of a namespace: a member's call asks all partitions of all topics. */
export const SHARE_TOPICS_MAX = 100;
export const SHARE_GROUPS_MAX = 1_000;

/** Kafka's defaults for share groups. */
export const SHARE_LOCK_MS_DEFAULT = 30_000;
export const SHARE_DELIVERY_LIMIT_DEFAULT = 5;
export const SHARE_DELIVERY_LIMIT_MAX = 100;

/** Bytes of an object: what R2 takes in one upload, less than 5 GiB. */
export const OBJECT_BYTES_MAX = 5_000_000_000;

/** Bytes of each part of an upload but the last: few requests, each below what the platform takes, and little to send again. */
export const OBJECT_PART_BYTES = 16 * 1024 * 1024;
export const OBJECT_PARTS_MAX = Math.ceil(OBJECT_BYTES_MAX / OBJECT_PART_BYTES);

/** Characters of the type of an object that comes in parts. */
export const CONTENT_TYPE_LENGTH_MAX = 255;

/** An object may expire up to so many days from now. */
export const OBJECT_DAYS_MAX = 3_650;

/** Characters of the id of an object: the day, a dot and the name. */
export const OBJECT_ID_LENGTH_MAX = 211;
