/** Topology object: the definitions of a namespace. One commit holds a change and the list of objects to tell. */

import { DurableObject } from 'cloudflare:workers';
import type { RoutedHeaders } from '../../core/exchange/routed-headers.ts';
import type { BindingDeclaration } from '../../core/exchange/binding.ts';
import type { AlertDefinition } from '../../core/topology/alerts.ts';
import type { ExchangeDefinition } from '../../core/topology/exchanges.ts';
import type { PolicyDefinition } from '../../core/topology/policies.ts';
import { defaultDeadLetterQueue, type QueueDefinition } from '../../core/topology/queues.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { AlertDeclaration } from '../../protocol/schemas/alerts.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import type { ExchangeDeclaration } from '../../protocol/schemas/exchanges.ts';
import type { PolicyDeclaration } from '../../protocol/schemas/policies.ts';
import type { QueueChange, QueueDeclaration } from '../../protocol/schemas/queues.ts';
import type { ScheduleDeclaration } from '../../protocol/schemas/schedules.ts';
import type { ShareGroupDeclaration } from '../../protocol/schemas/share-groups.ts';
import type { TopicChange, TopicDeclaration } from '../../protocol/schemas/topics.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import type { Env } from '../env.ts';
import { deleteAlertIn, putAlertIn } from './definitions/alerts.ts';
import { CostLedger } from './cost-ledger.ts';
import {
  bindingsIn,
  declareBindingsIn,
  declareExchangeIn,
  deleteBindingIn,
  deleteExchangeIn,
} from './definitions/exchanges.ts';
import { definitionPage } from './definitions/definition-pages.ts';
import { changesSince, snapshotPage } from './routing/routing-feed.ts';
import { LocalGraph } from './routing/local-graph.ts';
import { deletePolicyIn, putPolicyIn } from './definitions/policies.ts';
import { takeProducerIds } from './producer-ids.ts';
import { changeQueueIn, declareQueueIn, deleteQueueIn } from './definitions/queues.ts';
import { deleteScheduleIn, pauseScheduleIn, putScheduleIn } from './definitions/schedules.ts';
import { deleteShareGroupIn, putShareGroupIn } from './definitions/share-groups.ts';
import { isDoneWithin, RuleApplier, unlessItFails } from './definitions/rule-applier.ts';
import { DefinitionPropagator } from './propagation/definition-propagator.ts';
import { changeTopicIn, declareTopicIn, deleteTopicIn } from './definitions/topics.ts';
import type {
  AlertAnswer,
  BindingList,
  BindingsAnswer,
  BindingsOf,
  ChangesSince,
  CostReply,
  CostStatus,
  DefinitionPage,
  ExchangeAnswer,
  ListKind,
  PolicyAnswer,
  QueueAnswer,
  QueueDeletionRequest,
  ScheduleAnswer,
  ShareGroupAnswer,
  SnapshotPage,
  SnapshotPosition,
  New,
  Ruled,
  TargetKind,
  TopicAnswer,
  TopologyMethods,
} from '../rpc/topology.ts';
import { TopologyStore } from './topology-store.ts';
import { TransactionalIds } from './transactional-ids.ts';

/** How long a change waits for the affected objects before its answer, in ms: they may be many, or unreachable. */
const ANSWER_MS_MAX = 1_000;

/** After an object could not be told. */
const RETRY_DELAY_MS = 5_000;

export class Topology extends DurableObject<Env> implements TopologyMethods {
  readonly #sql: DurableSql;
  readonly #store: TopologyStore;
  readonly #propagator: DefinitionPropagator;
  readonly #graph: LocalGraph;
  readonly #cost: CostLedger;
  readonly #transactionalIds: TransactionalIds;
  #alarm!: Alarm;
  #rules!: RuleApplier;
  #propagating: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = new DurableSql(ctx.storage);
    this.#store = new TopologyStore(this.#sql);
    this.#cost = new CostLedger(this.#sql);
    this.#transactionalIds = new TransactionalIds(this.#sql);
    this.#propagator = new DefinitionPropagator(env, this.#store.changes);
    this.#graph = new LocalGraph(this.#store);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => Date.now());
      this.#alarm.register('effects', () => {
        ctx.waitUntil(this.propagate());
        return Date.now() + RETRY_DELAY_MS; // should it fail, or this object be gone before it is done
      });
      if (this.#hasEffects()) this.#alarm.schedule('effects', Date.now() + RETRY_DELAY_MS);
      this.#alarm.register('rules', () => {
        ctx.waitUntil(this.#rules.apply());
        return Date.now() + RETRY_DELAY_MS;
      });
      this.#rules = new RuleApplier(this.#store, this.#propagator, this.#alarm);
      if (this.#store.rulePass.get()) this.#alarm.schedule('rules', Date.now() + 1);
    });
  }

  version(): number {
    return this.#store.version();
  }

  topic(name: string): { topic: TopicDefinition | null; topologyVersion: number } {
    return { topic: this.#store.topics.get(name), topologyVersion: this.#store.version() };
  }

  page(kind: ListKind, after: string | null, limit: number, bytesMax: number): DefinitionPage {
    return definitionPage(this.#store, kind, after, limit, bytesMax);
  }

  noteGroup(name: string): void {
    if (!this.#store.groups.has(name)) this.#store.groups.put({ name });
  }

  forgetGroup(name: string): void {
    this.#store.groups.remove(name);
  }

  declareTopic(namespace: string, name: string, declaration: TopicDeclaration): Promise<New<TopicAnswer>> {
    return this.#told('topic', name, declareTopicIn(this.#store, this.env, namespace, name, declaration));
  }

  changeTopic(name: string, change: TopicChange): Promise<TopicAnswer | Failure> {
    return this.#told('topic', name, changeTopicIn(this.#store, name, change));
  }

  deleteTopic(name: string): Promise<TopicAnswer | Failure> {
    return this.#told('topic', name, deleteTopicIn(this.#store, name));
  }

  queue(name: string): { queue: QueueDefinition | null; topologyVersion: number } {
    return {
      queue: this.#store.queues.get(name)?.definition ?? null,
      topologyVersion: this.#store.version(),
    };
  }

  declareQueue(namespace: string, name: string, declaration: QueueDeclaration): Promise<New<QueueAnswer>> {
    return this.#told('queue', name, declareQueueIn(this.#store, namespace, name, declaration));
  }

  changeQueue(name: string, change: QueueChange): Promise<QueueAnswer | Failure> {
    return this.#told('queue', name, changeQueueIn(this.#store, name, change));
  }

  async deleteQueue(name: string, deletion: QueueDeletionRequest = {}): Promise<QueueAnswer | Failure> {
    await this.#propagator.tell('queue', name); // the queue has to know its definition
    return this.#told('queue', name, await deleteQueueIn(this.#store, this.env, name, deletion));
  }

  exchange(name: string): { exchange: ExchangeDefinition | null; topologyVersion: number } {
    return { exchange: this.#store.exchange(name), topologyVersion: this.#store.version() };
  }

  declareExchange(name: string, declaration: ExchangeDeclaration): New<ExchangeAnswer> {
    return declareExchangeIn(this.#store, name, declaration);
  }

  deleteExchange(name: string, ifUnused: boolean): ExchangeAnswer | Failure {
    return deleteExchangeIn(this.#store, name, ifUnused);
  }

  /** @param declarationsJson an array of `BindingDeclaration` */
  declareBindings(declarationsJson: Uint8Array): BindingsAnswer | Failure {
    const declarations = JSON.parse(new TextDecoder().decode(declarationsJson)) as BindingDeclaration[];
    return declareBindingsIn(this.#store, declarations);
  }

  deleteBinding(source: string, id: string): { exchangeDeleted: boolean; topologyVersion: number } | Failure {
    return deleteBindingIn(this.#store, source, id);
  }

  bindings(of: BindingsOf, after: string, limit: number, bytesMax: number): BindingList | Failure {
    return bindingsIn(this.#store, of, after, limit, bytesMax);
  }

  policy(name: string): Ruled<{ policy: PolicyDefinition | null; topologyVersion: number }> {
    const policy = this.#store.policies.get(name);
    const progress = this.#rules.progressOf(policy?.version ?? 0);
    return { policy, progress, topologyVersion: this.#store.version() };
  }

  putPolicy(name: string, declaration: PolicyDeclaration): Promise<New<Ruled<PolicyAnswer>>> {
    return this.#ruled(putPolicyIn(this.#store, name, declaration));
  }

  deletePolicy(name: string): Promise<Ruled<PolicyAnswer> | Failure> {
    return this.#ruled(deletePolicyIn(this.#store, name));
  }

  alert(name: string): Ruled<{ alert: AlertDefinition | null; topologyVersion: number }> {
    const alert = this.#store.alerts.get(name);
    const progress = this.#rules.progressOf(alert?.version ?? 0);
    return { alert, progress, topologyVersion: this.#store.version() };
  }

  /** `secret` is the one that was made for it by this call, else null. */
  putAlert(
    name: string,
    declaration: AlertDeclaration,
  ): Promise<New<Ruled<AlertAnswer> & { secret: string | null }>> {
    return this.#ruled(putAlertIn(this.#store, this.env, name, declaration));
  }

  deleteAlert(name: string): Promise<Ruled<AlertAnswer> | Failure> {
    return this.#ruled(deleteAlertIn(this.#store, name));
  }

  schedule(name: string): { schedule: ScheduleDefinition | null; topologyVersion: number } {
    return { schedule: this.#store.schedules.get(name), topologyVersion: this.#store.version() };
  }

  putSchedule(namespace: string, name: string, config: ScheduleDeclaration): Promise<New<ScheduleAnswer>> {
    return this.#told('schedule', name, putScheduleIn(this.#store, namespace, name, config, Date.now()));
  }

  pauseSchedule(name: string, isPaused: boolean): Promise<ScheduleAnswer | Failure> {
    return this.#told('schedule', name, pauseScheduleIn(this.#store, name, isPaused));
  }

  deleteSchedule(name: string): Promise<ScheduleAnswer | Failure> {
    return this.#told('schedule', name, deleteScheduleIn(this.#store, name));
  }

  shareGroup(name: string): { group: ShareGroupDefinition | null; topologyVersion: number } {
    return { group: this.#store.shareGroups.get(name), topologyVersion: this.#store.version() };
  }

  putShareGroup(
    namespace: string,
    name: string,
    declaration: ShareGroupDeclaration,
  ): Promise<New<ShareGroupAnswer>> {
    const queue = defaultDeadLetterQueue(name); // it may be made too
    return this.#told('queue', queue, putShareGroupIn(this.#store, namespace, name, declaration));
  }

  deleteShareGroup(name: string): ShareGroupAnswer | Failure {
    return deleteShareGroupIn(this.#store, name);
  }

  costStatus(): CostStatus {
    return this.#cost.status(Date.now());
  }

  limitCost(rowsPerHour: number | null): CostStatus {
    return this.#cost.limit(rowsPerHour, Date.now());
  }

  reportRows(rows: number): CostReply {
    return this.#cost.report(rows, Date.now());
  }

  /** The definitions of many queues and topics at once; those that are not there are left out. */
  definitions(
    queues: readonly string[],
    topics: readonly string[],
  ): { queues: QueueDefinition[]; topics: TopicDefinition[]; topologyVersion: number } {
    return {
      queues: queues.flatMap((name) => this.#store.queues.get(name)?.definition ?? []),
      topics: topics.flatMap((name) => this.#store.topics.get(name) ?? []),
      topologyVersion: this.#store.version(),
    };
  }

  /** @returns the first of `count` producer ids that nobody else gets */
  takeProducerIds(count: number): number {
    return takeProducerIds(this.#sql, count);
  }

  /** Lists a transactional id before its transaction opens. Costs a row if the id had no transaction for an hour. */
  listTransactionalId(name: string, number: number): void {
    this.#transactionalIds.put(name, number);
  }

  unlistTransactionalId(name: string, number: number): void {
    this.#transactionalIds.remove(name, number);
  }

  transactionalIds(after: string, limit: number): string[] {
    return this.#transactionalIds.after(after, limit);
  }

  transactionalIdCount(): number {
    return this.#transactionalIds.count();
  }

  /**
   * Routes messages of an exchange for objects that send messages on. Routers route by themselves.
   * @returns for each of the first messages the queues and topics, each once; ask again for the rest
   */
  route(
    exchange: string,
    messages: readonly { routingKey: string; headers: RoutedHeaders }[],
  ): { kind: 'queue' | 'topic'; name: string }[][] {
    return this.#graph.route(exchange, messages) as { kind: 'queue' | 'topic'; name: string }[][];
  }

  snapshot(after: SnapshotPosition | null): SnapshotPage {
    return snapshotPage(this.#store, after);
  }

  changesSince(version: number): ChangesSince | null {
    return changesSince(this.#store, version);
  }

  /** Tells the objects of changes, in order. The alarm and `propagateOne` repeat what fails. */
  propagate(): Promise<void> {
    this.#propagating ??= this.#propagate().finally(() => (this.#propagating = null));
    return this.#propagating;
  }

  /** Tells one object, or one topic's partitions, whatever others still have to be told. */
  async propagateOne(kind: TargetKind, name: string): Promise<void> {
    if (!(await this.#propagator.tell(kind, name)))
      this.#alarm.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);
  }

  override alarm(): void {
    this.#alarm.fired();
  }

  async #propagate(): Promise<void> {
    await this.#propagator.tellAll();
    this.#alarm.schedule('effects', this.#hasEffects() ? Date.now() + RETRY_DELAY_MS : null);
  }

  /** The answer, once the objects have been told of what has changed; those that take long are told afterwards. */
  async #told<Answer>(kind: TargetKind, name: string, answer: Answer): Promise<Answer> {
    if (isFailure(answer) || !this.#hasEffects()) return answer;
    const isDone = await isDoneWithin(ANSWER_MS_MAX, this.propagateOne(kind, name)).catch(() => false);
    if (!isDone) this.#alarm.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);
    return answer;
  }

  /** The answer with how far the rules have come; queues that take long get them afterwards. */
  async #ruled<Answer extends { topologyVersion: number }>(
    answer: Answer | Failure,
  ): Promise<Ruled<Answer> | Failure> {
    if (isFailure(answer)) return answer;
    this.#rules.begin();
    await isDoneWithin(ANSWER_MS_MAX, this.#rules.apply());
    return { ...answer, progress: this.#rules.progressOf(answer.topologyVersion) };
  }

  #hasEffects(): boolean {
    return unlessItFails(() => this.#store.changes.effectsAfter(0, 1).length > 0);
  }
}
