/** Posthorn's client library. Everything that is public is here. */

export type { CallOptions, FetchFunction, PosthornOptions } from './client/options.ts';
export type { RetryPolicy } from './client/retry.ts';
export { PosthornError, type ClientErrorCode, type PosthornErrorCode } from './errors.ts';
export { Posthorn } from './posthorn.ts';
export type { ProducerOptions } from './producer/options.ts';
export type { Receipt } from './producer/pending.ts';
export type { Producer } from './producer/producer.ts';
export type { ReaderOptions, StartPosition } from './reader/options.ts';
export type { Reader } from './reader/reader.ts';
export type { ReceivedRecord } from './reader/received-record.ts';
export type { HeaderValue, OutgoingRecord, RecordHeaders } from './record-input.ts';
export type { PartitionState, RecordsDeleted, Topic, TopicChange, TopicDeclaration } from './topic-types.ts';
export type { Topics } from './topics.ts';
