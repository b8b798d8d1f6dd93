/** Methods of the topology that others call, and what goes in and out of them. */

import type { CountLimits, Counts } from '../../core/access/quotas/quotas.ts';
import type { StoringObject } from '../../core/cost/stored-bytes.ts';
import type { Destination } from '../../core/exchange/binding.ts';
import type { RoutedHeaders } from '../../core/exchange/routed-headers.ts';
import type { ExchangeDefinition } from '../../core/topology/exchanges.ts';
import type { AlertDefinition } from '../../core/topology/rules/alerts.ts';
import type { PolicyDefinition } from '../../core/topology/rules/policies.ts';
import type { QueueDeletion } from '../../core/topology/queues/queue-deletion.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { RuleProgress } from '../../core/topology/rules/rule-pass.ts';
import type { HookDefinition } from '../../core/topology/hooks.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { ScheduleConfig, ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Failure } from '../../protocol/errors.ts';
import type { AlertDeclaration } from '../../protocol/schemas/alerts.ts';
import type { DefinitionKind, DefinitionList, DefinitionStep } from '../../protocol/schemas/definitions.ts';
import type { ExchangeDeclaration } from '../../protocol/schemas/exchanges.ts';
import type { PolicyDeclaration } from '../../protocol/schemas/policies.ts';
import type { QueueChange, QueueDeclaration } from '../../protocol/schemas/queues.ts';
import type { ShareGroupDeclaration } from '../../protocol/schemas/share-groups.ts';
import type { HookDeclaration } from '../../protocol/schemas/hooks.ts';
import type { PauseReason, SubscriptionDeclaration } from '../../protocol/schemas/subscriptions.ts';
import type { TopicChange, TopicDeclaration } from '../../protocol/schemas/topics.ts';

export interface TopicAnswer {
  topic: TopicDefinition;
  topologyVersion: number;
}

export interface QueueAnswer {
  queue: QueueDefinition;
  topologyVersion: number;
}

export interface ExchangeAnswer {
  exchange: ExchangeDefinition;
  topologyVersion: number;
}

export interface PolicyAnswer {
  policy: PolicyDefinition;
  topologyVersion: number;
}

export interface AlertAnswer {
  alert: AlertDefinition;
  topologyVersion: number;
}

export interface ScheduleAnswer {
  schedule: ScheduleDefinition;
  topologyVersion: number;
}

export interface SubscriptionAnswer {
  subscription: SubscriptionDefinition;
  topologyVersion: number;
}

export interface HookAnswer {
  hook: HookDefinition;
  topologyVersion: number;
}

export interface ShareGroupAnswer {
  group: ShareGroupDefinition;
  topologyVersion: number;
}

/** What a namespace may cost, and what it has cost in this hour. */
export interface CostStatus {
  rowsPerHour: number | null;
  rowsThisHour: number;
  resetsAtMs: number;
}

/** What an object is told that reports the rows which it has written. */
export interface CostReply {
  /** Publishes are refused until then; null: they are not. */
  closedUntilMs: number | null;
  /** Rows that may still be written in this hour; null: as many as one likes. */
  left: number | null;
  /** Report again after so many rows. */
  step: number;
}

export interface BindingsAnswer {
  /** One for each declaration, in order. */
  ids: string[];
  created: number;
  topologyVersion: number;
}

export interface BindingList {
  /** Bindings as a JSON array, as everywhere here: one long text is received several times faster than many objects. */
  bindingsJson: string;
  /** There are more after this id. */
  next: string | null;
}

/** Which bindings: those from an exchange, or those to a destination. */
export type BindingsOf = { source: string } | { destination: Destination };

/** Where reading a snapshot goes on: after this name, or after this binding. */
export type SnapshotPosition = NamePosition | { source: string; id: string };

/** A snapshot has the queues, then the exchanges, and then the bindings from them. */
export interface NamePosition {
  kind: 'queues' | 'exchanges';
  after: string;
}

export interface SnapshotPage {
  /** The version before the page was read. Changes after that of the first page have to be applied to the whole. */
  version: number;
  /** On the first pages, until all names have been read; then null. */
  names: { queues: string[]; exchanges: ExchangeDefinition[] } | null;
  /** A JSON array. */
  bindingsJson: string;
  next: SnapshotPosition | null;
}

export interface ChangesSince {
  /** The changes after the version asked for, oldest first, each making the next version: a JSON array. */
  changesJson: string;
  count: number;
  /** There are more. */
  isPartial: boolean;
}

/** Which queue is deleted, and when. */
export interface QueueDeletionRequest extends QueueDeletion {
  /** Only the queue of this id: what an object asks that wants its own queue deleted. */
  id?: number;
}

/** How a document of definitions is applied. */
/** What sends its dead letters to `<name>.dlq`, beside queues. */
export type LetterOwner = 'subscription' | 'share_group';

export interface DefinitionsApplication {
  /** What the document does not have is deleted, of the kinds that it has. */
  isPruning: boolean;
  /** Nothing is changed. */
  isDry: boolean;
  /** The version of the topology that the caller has seen; null: any. */
  ifVersion: number | null;
}

export interface DefinitionsOutcome {
  steps: DefinitionStep[];
  unchanged: number;
  /** Of a dry run: the first step that would be refused. */
  problem: { kind: DefinitionKind; name: string; why: Failure } | null;
  /** Queues that could not be deleted. */
  failed: { name: string; why: Failure }[];
}

/** What can be listed, by name. */
export interface Listed {
  topics: TopicDefinition;
  queues: QueueDefinition;
  exchanges: ExchangeDefinition;
  policies: PolicyDefinition;
  alerts: AlertDefinition;
  schedules: ScheduleDefinition;
  subscriptions: SubscriptionDefinition;
  hooks: HookDefinition;
  groups: { name: string };
  shareGroups: ShareGroupDefinition;
}
export type ListKind = keyof Listed;

export interface DefinitionPage {
  /** A JSON array: see `BindingList`. */
  itemsJson: string;
  /** There are more after this name. */
  next: string | null;
}

/** Where the next namespace of the name goes on: see durable-objects/topology/closure.ts. */
export interface TopologyFloor {
  version: number;
  producerId: number;
}

/** What came of a slice of the deletion of a namespace. */
export interface Cleared {
  freed: number;
  left: number;
  /** Everything but the topology itself is free. */
  isDone: boolean;
  floor: TopologyFloor;
}

/** What has objects of its own that are told of changes. */
export type TargetKind = 'topic' | 'queue' | 'schedule' | 'subscription';

/** An answer with how far the policies and alerts have been applied to queues. */
export type Ruled<Answer> = Answer & { progress: RuleProgress };

/** `isNew`: the declaration has made it. */
export type New<Answer> = (Answer & { isNew: boolean }) | Failure;

export interface TopologyMethods extends Rpc.DurableObjectBranded {
  version(): number;
  /** The first definitions of a kind after a name, in their order; null: from the start. As many as fit, at most `limit`. */
  page(kind: ListKind, after: string | null, limit: number, bytesMax: number): DefinitionPage;

  topic(name: string): { topic: TopicDefinition | null; topologyVersion: number };
  declareTopic(namespace: string, name: string, declaration: TopicDeclaration): Promise<New<TopicAnswer>>;
  changeTopic(name: string, change: TopicChange): Promise<TopicAnswer | Failure>;
  deleteTopic(name: string): Promise<TopicAnswer | Failure>;

  /** Called before a group stores anything. Null: it may. */
  noteGroup(name: string): Failure | null;
  forgetGroup(name: string): void;

  /** Returns JSON: the definitions of those of these queues that exist. */
  queues(names: readonly string[]): string;
  queue(name: string): { queue: QueueDefinition | null; topologyVersion: number };
  declareQueue(namespace: string, name: string, declaration: QueueDeclaration): Promise<New<QueueAnswer>>;
  changeQueue(name: string, change: QueueChange): Promise<QueueAnswer | Failure>;
  deleteQueue(name: string, deletion?: QueueDeletionRequest): Promise<QueueAnswer | Failure>;

  exchange(name: string): { exchange: ExchangeDefinition | null; topologyVersion: number };
  declareExchange(name: string, declaration: ExchangeDeclaration): New<ExchangeAnswer>;
  deleteExchange(name: string, ifUnused: boolean): ExchangeAnswer | Failure;
  /** @param declarationsJson an array of `BindingDeclaration` as JSON in UTF-8 */
  declareBindings(declarationsJson: Uint8Array): BindingsAnswer | Failure;
  deleteBinding(source: string, id: string): { exchangeDeleted: boolean; topologyVersion: number } | Failure;
  bindings(of: BindingsOf, after: string, limit: number, bytesMax: number): BindingList | Failure;

  policy(name: string): Ruled<{ policy: PolicyDefinition | null; topologyVersion: number }>;
  putPolicy(name: string, declaration: PolicyDeclaration): Promise<New<Ruled<PolicyAnswer>>>;
  deletePolicy(name: string): Promise<Ruled<PolicyAnswer> | Failure>;

  alert(name: string): Ruled<{ alert: AlertDefinition | null; topologyVersion: number }>;
  /** `secret` is the one that was made for it by this call, else null. */
  putAlert(
    name: string,
    declaration: AlertDeclaration,
  ): Promise<New<Ruled<AlertAnswer> & { secret: string | null }>>;
  deleteAlert(name: string): Promise<Ruled<AlertAnswer> | Failure>;

  schedule(name: string): { schedule: ScheduleDefinition | null; topologyVersion: number };
  putSchedule(namespace: string, name: string, config: ScheduleConfig): Promise<New<ScheduleAnswer>>;
  pauseSchedule(name: string, isPaused: boolean): Promise<ScheduleAnswer | Failure>;
  deleteSchedule(name: string): Promise<ScheduleAnswer | Failure>;

  subscription(name: string): { subscription: SubscriptionDefinition | null; topologyVersion: number };
  /** `secret` is the one that was made for it by this call, else null. */
  putSubscription(
    namespace: string,
    name: string,
    declaration: SubscriptionDeclaration,
  ): Promise<New<SubscriptionAnswer & { secret: string | null }>>;
  /** @param reason null: it is resumed. @param id only the one of this id: what its object asks */
  pauseSubscription(
    name: string,
    reason: PauseReason | null,
    id?: number,
  ): Promise<SubscriptionAnswer | Failure>;
  deleteSubscription(name: string): Promise<SubscriptionAnswer | Failure>;

  hook(name: string): { hook: HookDefinition | null; topologyVersion: number };
  /** `secret` is the one that was made for it by this call, else null. */
  putHook(name: string, declaration: HookDeclaration): New<HookAnswer & { secret: string | null }>;
  deleteHook(name: string): HookAnswer | Failure;

  /** Returns those names whose default dead-letter queue is there and belongs to something else. */
  lettersOfOthers(kind: LetterOwner, names: readonly string[]): string[];

  shareGroup(name: string): { group: ShareGroupDefinition | null; topologyVersion: number };
  putShareGroup(
    namespace: string,
    name: string,
    declaration: ShareGroupDeclaration,
  ): Promise<New<ShareGroupAnswer>>;
  deleteShareGroup(name: string): ShareGroupAnswer | Failure;

  /** Returns the lists of a document as JSON, as they are at one moment. */
  exportDefinitions(
    lists: readonly DefinitionList[],
    bytesMax: number,
  ): { listsJson: string; topologyVersion: number } | Failure;
  /**
   * @param documentJson a `DefinitionDocument` as JSON in UTF-8
   * @returns a `DefinitionsOutcome` as JSON: see `BindingList`
   */
  putDefinitions(
    namespace: string,
    documentJson: Uint8Array,
    application: DefinitionsApplication,
  ): Promise<{ outcomeJson: string; topologyVersion: number } | Failure>;

  /** Sets what the namespace may have, instead of what was set before. */
  limitCounts(limits: CountLimits): Failure | null;
  counts(): Counts;

  costStatus(): CostStatus;
  limitCost(rowsPerHour: number | null): CostStatus;
  reportRows(rows: number): CostReply;
  /**
   * Takes what an object stores. Returns what the namespace may still store, below zero if there is too much; null: the object
   * does not count, or nothing is limited.
   */
  reportStored(object: StoringObject, bytes: number): number | null;

  /**
   * Counts large bodies that come to the bucket, or have gone (below zero). Returns why there is no room for them.
   * @param gone names what has gone, which several may have deleted at the same time: it counts once
   */
  changeObjectBytes(bytes: number, gone?: string): Failure | null;

  /** The definitions of many queues and topics at once, without those that do not exist. */
  definitions(
    queues: readonly string[],
    topics: readonly string[],
  ): { queues: QueueDefinition[]; topics: TopicDefinition[]; topologyVersion: number };
  /** @returns the first of `count` producer ids that nobody else gets */
  takeProducerIds(count: number): number;
  /** Called before the coordinator of a transactional id stores anything. Null: it may. */
  noteCoordinator(name: string): Failure | null;
  /** A transaction is about to open. Writes a row for an id that has had no transaction for an hour. */
  listTransactionalId(name: string, number: number): Failure | null;
  unlistTransactionalId(name: string, number: number): void;
  /** The first after a name. */
  transactionalIds(after: string, limit: number): string[];
  transactionalIdCount(): number;
  /** All that were ever used: the first after a name. */
  usedTransactionalIds(after: string, limit: number): string[];

  /**
   * Routes from an exchange, for objects that hand messages on. Routers route by themselves.
   * @returns for each of the first messages the queues and topics, each once; ask again for the rest
   */
  route(
    exchange: string,
    messages: readonly { routingKey: string; headers: RoutedHeaders }[],
  ): { kind: 'queue' | 'topic'; name: string }[][];
  snapshot(after: SnapshotPosition | null): SnapshotPage;
  changesSince(version: number): ChangesSince | null;
  /** Tells the objects their definitions, in order. What fails stays noted, for the alarm and for `propagateOne`. */
  propagate(): Promise<void>;
  /** Tells one object, or one topic's partitions, whatever others still have to be told. */
  propagateOne(kind: TargetKind, name: string): Promise<void>;

  /** Closes the namespace, which is deleted, and frees the next of its objects. */
  clear(floor: TopologyFloor | null): Promise<Cleared>;
  /** Frees the topology itself, once everything else is free. It stays closed. */
  wipe(floor: TopologyFloor): Promise<void>;
  /** Called when a namespace of the name is made. */
  open(): void;
}
