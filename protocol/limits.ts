/**
 * Every limit of the contract, with its unit last in the name and its reason beside it.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** A segment row holds whole batches; the platform refuses a row above 2 MB, and 1 MiB leaves room for both. */
export const SEGMENT_BYTES_MAX = MiB;

/** A batch must fit one segment. */
export const BATCH_BYTES_MAX = SEGMENT_BYTES_MAX;

/** What a gzip batch may inflate to: bounds the memory that one reader or the compactor needs. */
export const BATCH_INFLATED_BYTES_MAX = 8 * MiB;

/** Key, value and headers of one record together; the rest of a batch is its own header. */
export const RECORD_BYTES_MAX = BATCH_BYTES_MAX - KiB;

/** One produce request. It is held in the memory of the router while it is checked. */
export const REQUEST_BYTES_MAX = 16 * MiB;

/** One produce request as JSON, and one fetch: bounds validation time and the size of a reply. */
export const REQUEST_RECORDS_MAX = 10_000;

export const PARTITIONS_MAX = 1_000;

/** Kafka's rule for topics: 249 characters, because names become parts of longer ones. */
export const NAME_LENGTH_MAX = 249;

export const FETCH_BYTES_DEFAULT = MiB;
export const FETCH_BYTES_MAX = 8 * MiB;

/** How long a poll may wait. Longer than most proxies allow; the client asks again. */
export const WAIT_MS_MAX = 300_000;

/** Kafka's `message.timestamp.after.max.ms`: a timestamp from the far future would defeat retention by time. */
export const TIMESTAMP_AHEAD_MS_MAX = 3_600_000;

/** Offsets and times are JSON numbers, exact up to here. */
export const INTEGER_MAX = Number.MAX_SAFE_INTEGER;

/** Appends that wait in the memory of one partition; above it the producer is told to slow down. */
export const PENDING_APPEND_BYTES_MAX = 32 * MiB;
