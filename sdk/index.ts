/** Posthorn's client library. Everything that is public is here. */

export type { Alert, AlertDeclaration, Alerts } from './admin/alerts.ts';
export type { FetchFunction } from './client/http/exchange.ts';
export type { CallOptions, Connection, PosthornOptions } from './client/options.ts';
export type { RetryPolicy } from './client/http/retry.ts';
export type { Socket, SocketFactory } from './client/sockets/socket.ts';
export type { Consumer } from './consumer/consumer.ts';
export type { MessageHandler } from './consumer/consumer-run.ts';
export type { ConsumerOptions, ExactlyOnceConsumerOptions } from './consumer/options.ts';
export type { Messages, MessagesOptions } from './consumer/messages.ts';
export type { DeathOfMessage, ReceivedMessage, ReceivedProperties } from './consumer/received-message.ts';
export type { NackFields } from './consumer/settlement.ts';
export type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetters,
  ReplayOptions,
  ReplayProgress,
  ReplayTo,
} from './admin/dead-letters.ts';
export { openTelemetry } from './tracing/open-telemetry.ts';
export type { OpenTelemetryApi } from './tracing/open-telemetry-api.ts';
export type { Tracing, TracingHook } from './client/tracing.ts';
export {
  PosthornError,
  type ClientErrorCode,
  type PosthornErrorCode,
  type PosthornErrorOptions,
} from './errors.ts';
export type { ErrorCode } from '../protocol/errors.ts';
export type { JsonValue } from '../protocol/json/json-text.ts';
export type { RecordHeader } from '../protocol/record-batch/types.ts';
export type { BodyClaim } from './claims/claim.ts';
export type { ClaimOptions } from './claims/claim-check.ts';
export type { BodyOptions } from './claims/open-body.ts';
export type { Objects, StoredObject } from './admin/objects.ts';
export type { Policies } from './admin/policies.ts';
export { Posthorn } from './posthorn.ts';
export { createProducer } from './producer/create-producer.ts';
export type { ProducerOptions } from './producer/options.ts';
export type { Receipt } from './producer/pending.ts';
export type { Producer } from './producer/producer.ts';
export type {
  Binding,
  BindingArguments,
  BindingDestination,
  BindingOptions,
  Exchange,
  ExchangeDeclaration,
  MessageRoute,
  Policy,
  RuleProgress,
  PolicyDeclaration,
  PolicySettings,
} from './admin/exchange-types.ts';
export type { Exchanges } from './admin/exchanges.ts';
export type { GroupConsumer } from './groups/group-consumer.ts';
export type { GroupBatch, GroupRecord, RecordPosition } from './groups/group-record.ts';
export type { AssignedPartition } from './values/assigned-partition.ts';
export type { GroupOwner } from './values/offset-to-commit.ts';
export type { OffsetToCommit } from './values/offset-to-commit.ts';
export type { PartitionOffset } from './values/topic-partition.ts';
export type {
  GroupDescription,
  GroupMember,
  GroupOffset,
  Groups,
  OffsetReset,
  OffsetResetResult,
} from './admin/groups.ts';
export type {
  ExactlyOnceGroupOptions,
  GroupConsumerOptions,
  HandlerContext,
  PartitionLag,
  TopicPartition,
} from './groups/options.ts';
export type { OutgoingMessage, MessageProperties } from './values/message-input.ts';
export type { PeekedMessage } from './values/peeked-message.ts';
export type { Confirmation, MessageDestination } from './publisher/message-batch.ts';
export type { PublisherOptions } from './publisher/options.ts';
export type { Publisher } from './publisher/publisher.ts';
export type { RoutedMessage } from './values/message-input.ts';
export type {
  DeadLetterSettings,
  Queue,
  QueueChange,
  QueueDeclaration,
  QueueStatus as QueueState,
  RetrySettings,
} from './admin/queue-types.ts';
export type {
  HeldMessage,
  MessageCancelled,
  MessageFilter,
  MessageRun,
  MessageState,
  MoveOptions,
  MoveProgress,
  QueueMessages,
} from './admin/queue-messages.ts';
export type { Queues } from './admin/queues.ts';
export type { ReaderOptions } from './reader/options.ts';
export type { StartPosition } from './values/start-position.ts';
export type { Reader } from './reader/reader.ts';
export type { ReceivedRecord } from './reader/received-record.ts';
export type {
  RequestDestination,
  RequestOptions,
  ResponderOptions,
  ResponseHandler,
} from './request-reply/requests.ts';
export type { HeaderValue, OutgoingRecord, RecordHeaders } from './values/record-input.ts';
export type {
  Schedule,
  ScheduleDeclaration,
  ScheduleMessage,
  Schedules,
  ScheduleState,
  ScheduleTarget,
  ScheduleTriggered,
} from './admin/schedules.ts';
export type {
  PushAttempt,
  Subscription,
  SubscriptionDeclaration,
  Subscriptions,
  PushFilter,
  SubscriptionState,
  TopicSource,
} from './admin/subscriptions.ts';
export type { Hook, HookDeclaration, Hooks, HookSignature } from './admin/hooks.ts';
export type {
  PartitionState,
  RecordsDeleted,
  Topic,
  TopicChange,
  TopicDeclaration,
} from './admin/topic-types.ts';
export type { TopicReplaced } from './client/topic-replaced.ts';
export type { Topics } from './admin/topics.ts';
export type {
  ApplyOptions,
  Definitions,
  DefinitionsDocument,
  DefinitionsPlan,
  DefinitionStep,
  PlanOptions,
  RabbitmqDefinitions,
} from './admin/definitions.ts';
export type { CostLimits, CostLimitsState, Limits } from './admin/limits.ts';
export type { CloudEvent, Events, EventTarget } from './admin/events.ts';
export type { Overview } from './admin/overview.ts';
export type {
  GroupOverview,
  NamespaceOverview,
  OverviewCounters,
  OverviewProblem,
  OverviewRates,
  QueueOverview,
  TopicOverview,
} from './admin/overview-types.ts';
export type { Namespace, Namespaces } from './admin/namespaces.ts';
export type { Quotas, RateQuotas } from './admin/quotas.ts';
export type { MadeToken, Token, TokenDeclaration, Tokens, TokenScope } from './admin/tokens.ts';
export type {
  AcknowledgedRecord,
  Acknowledgements,
  AcquiredRecord,
  AcquireOptions,
  ShareGroup,
  ShareGroupDeclaration,
  ShareGroups,
  ShareReset,
  ShareResetResult,
  SharePartition,
} from './admin/share-groups.ts';
export { VERSION as version } from '../protocol/version.ts';
export type {
  TransactionalProducer,
  TransactionalProducerOptions,
} from './transactions/transactional-producer.ts';
export {
  once,
  type Claim,
  type IdempotencyStore,
  type OnceOptions,
  type OnceResult,
} from './idempotency/once.ts';
export { sqliteStore, sqliteTransactionStore, type SqliteDatabase } from './idempotency/sqlite-store.ts';
export {
  durableObjectStore,
  HandledMessages,
  type DurableObjectStoreOptions,
  type HandledMessagesNamespace,
} from './idempotency/durable-object-store.ts';
