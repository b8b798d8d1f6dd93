/** Topology object: the definitions of a namespace. One commit holds a change and the list of objects to tell. */

import type { RoutedHeaders } from '../../core/exchange/routed-headers.ts';
import type { BindingDeclaration } from '../../core/exchange/binding.ts';
import type { AlertDefinition } from '../../core/topology/rules/alerts.ts';
import type { ExchangeDefinition } from '../../core/topology/exchanges.ts';
import type { PolicyDefinition } from '../../core/topology/rules/policies.ts';
import type { HookDefinition } from '../../core/topology/hooks.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import type { ScheduleConfig, ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import { defaultDeadLetterQueue } from '../../protocol/names/name-rule.ts';
import type { AlertDeclaration } from '../../protocol/schemas/alerts.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import type { ExchangeDeclaration } from '../../protocol/schemas/exchanges.ts';
import type { PolicyDeclaration } from '../../protocol/schemas/policies.ts';
import type { QueueChange, QueueDeclaration } from '../../protocol/schemas/queues.ts';
import type { ShareGroupDeclaration } from '../../protocol/schemas/share-groups.ts';
import type { HookDeclaration } from '../../protocol/schemas/hooks.ts';
import type { PauseReason, SubscriptionDeclaration } from '../../protocol/schemas/subscriptions.ts';
import type { TopicChange, TopicDeclaration } from '../../protocol/schemas/topics.ts';
import { deleteAlertIn, putAlertIn } from './definitions/alerts.ts';
import {
  bindingsIn,
  declareBindingsIn,
  declareExchangeIn,
  deleteBindingIn,
  deleteExchangeIn,
} from './definitions/exchanges.ts';
import { deleteHookIn, putHookIn } from './definitions/hooks.ts';
import { definitionPage } from './definitions/definition-pages.ts';
import { changesSince, snapshotPage } from './routing/routing-feed.ts';
import { deletePolicyIn, putPolicyIn } from './definitions/policies.ts';
import { DocumentedTopology } from './document/documented-topology.ts';
import { takeProducerIds } from './producer-ids.ts';
import { changeQueueIn, declareQueueIn, deleteQueueIn, lettersOfOthersIn } from './definitions/queues.ts';
import { deleteScheduleIn, pauseScheduleIn, putScheduleIn } from './definitions/schedules.ts';
import { deleteSubscriptionIn, pauseSubscriptionIn, putSubscriptionIn } from './definitions/subscriptions.ts';
import { deleteShareGroupIn, putShareGroupIn } from './definitions/share-groups.ts';
import { changeTopicIn, declareTopicIn, deleteTopicIn } from './definitions/topics.ts';
import type {
  AlertAnswer,
  BindingList,
  BindingsAnswer,
  BindingsOf,
  ChangesSince,
  DefinitionPage,
  ExchangeAnswer,
  HookAnswer,
  LetterOwner,
  ListKind,
  PolicyAnswer,
  QueueAnswer,
  QueueDeletionRequest,
  ScheduleAnswer,
  ShareGroupAnswer,
  SnapshotPage,
  SnapshotPosition,
  SubscriptionAnswer,
  New,
  Ruled,
  TopicAnswer,
  TopologyMethods,
} from '../rpc/topology.ts';

export class Topology extends DocumentedTopology implements TopologyMethods {
  version(): number {
    return this.store.version();
  }

  topic(name: string): { topic: TopicDefinition | null; topologyVersion: number } {
    return { topic: this.store.topics.get(name), topologyVersion: this.store.version() };
  }

  page(kind: ListKind, after: string | null, limit: number, bytesMax: number): DefinitionPage {
    return definitionPage(this.store, kind, after, limit, bytesMax);
  }

  noteGroup(name: string): Failure | null {
    return this.unlessClosed(() => {
      if (this.store.groups.has(name)) return null;
      const refused = this.store.quotas.refusal('groups', 1);
      if (refused === null) this.store.groups.put({ name });
      return refused;
    });
  }

  forgetGroup(name: string): void {
    this.store.groups.remove(name);
  }

  declareTopic(namespace: string, name: string, declaration: TopicDeclaration): Promise<New<TopicAnswer>> {
    return this.told(
      'topic',
      name,
      this.unlessClosed(() => declareTopicIn(this.store, this.env, namespace, name, declaration)),
    );
  }

  changeTopic(name: string, change: TopicChange): Promise<TopicAnswer | Failure> {
    const answer = this.unlessClosed(() => changeTopicIn(this.store, this.env, name, change));
    return this.#toldTakers(this.told('topic', name, answer));
  }

  deleteTopic(name: string): Promise<TopicAnswer | Failure> {
    return this.#toldTakers(this.told('topic', name, deleteTopicIn(this.store, name)));
  }

  queues(names: readonly string[]): string {
    return JSON.stringify(names.flatMap((name) => this.store.queues.get(name)?.definition ?? []));
  }

  queue(name: string): { queue: QueueDefinition | null; topologyVersion: number } {
    return {
      queue: this.store.queues.get(name)?.definition ?? null,
      topologyVersion: this.store.version(),
    };
  }

  declareQueue(namespace: string, name: string, declaration: QueueDeclaration): Promise<New<QueueAnswer>> {
    return this.told(
      'queue',
      name,
      this.unlessClosed(() => declareQueueIn(this.store, namespace, name, declaration)),
    );
  }

  changeQueue(name: string, change: QueueChange): Promise<QueueAnswer | Failure> {
    return this.told(
      'queue',
      name,
      this.unlessClosed(() => changeQueueIn(this.store, name, change)),
    );
  }

  async deleteQueue(name: string, deletion: QueueDeletionRequest = {}): Promise<QueueAnswer | Failure> {
    await this.propagator.tell('queue', name); // the queue has to know its definition
    return await this.#toldTakers(
      this.told('queue', name, await deleteQueueIn(this.store, this.env, name, deletion)),
    );
  }

  exchange(name: string): { exchange: ExchangeDefinition | null; topologyVersion: number } {
    return { exchange: this.store.exchange(name), topologyVersion: this.store.version() };
  }

  declareExchange(name: string, declaration: ExchangeDeclaration): New<ExchangeAnswer> {
    return this.unlessClosed(() => declareExchangeIn(this.store, name, declaration));
  }

  deleteExchange(name: string, ifUnused: boolean): ExchangeAnswer | Failure {
    return deleteExchangeIn(this.store, name, ifUnused);
  }

  /** @param declarationsJson an array of `BindingDeclaration` */
  declareBindings(declarationsJson: Uint8Array): BindingsAnswer | Failure {
    const declarations = JSON.parse(new TextDecoder().decode(declarationsJson)) as BindingDeclaration[];
    return this.unlessClosed(() => declareBindingsIn(this.store, declarations));
  }

  deleteBinding(source: string, id: string): { exchangeDeleted: boolean; topologyVersion: number } | Failure {
    return deleteBindingIn(this.store, source, id);
  }

  bindings(of: BindingsOf, after: string, limit: number, bytesMax: number): BindingList | Failure {
    return bindingsIn(this.store, of, after, limit, bytesMax);
  }

  policy(name: string): Ruled<{ policy: PolicyDefinition | null; topologyVersion: number }> {
    const policy = this.store.policies.get(name);
    const progress = this.rules.progressOf(policy?.version ?? 0);
    return { policy, progress, topologyVersion: this.store.version() };
  }

  putPolicy(name: string, declaration: PolicyDeclaration): Promise<New<Ruled<PolicyAnswer>>> {
    return this.ruled(this.unlessClosed(() => putPolicyIn(this.store, name, declaration)));
  }

  deletePolicy(name: string): Promise<Ruled<PolicyAnswer> | Failure> {
    return this.ruled(deletePolicyIn(this.store, name));
  }

  alert(name: string): Ruled<{ alert: AlertDefinition | null; topologyVersion: number }> {
    const alert = this.store.alerts.get(name);
    const progress = this.rules.progressOf(alert?.version ?? 0);
    return { alert, progress, topologyVersion: this.store.version() };
  }

  /** `secret` is the one that was made for it by this call, else null. */
  putAlert(
    name: string,
    declaration: AlertDeclaration,
  ): Promise<New<Ruled<AlertAnswer> & { secret: string | null }>> {
    return this.ruled(this.unlessClosed(() => putAlertIn(this.store, this.env, name, declaration)));
  }

  deleteAlert(name: string): Promise<Ruled<AlertAnswer> | Failure> {
    return this.ruled(deleteAlertIn(this.store, name));
  }

  schedule(name: string): { schedule: ScheduleDefinition | null; topologyVersion: number } {
    return { schedule: this.store.schedules.get(name), topologyVersion: this.store.version() };
  }

  putSchedule(namespace: string, name: string, config: ScheduleConfig): Promise<New<ScheduleAnswer>> {
    return this.told(
      'schedule',
      name,
      this.unlessClosed(() => putScheduleIn(this.store, namespace, name, config, Date.now())),
    );
  }

  pauseSchedule(name: string, isPaused: boolean): Promise<ScheduleAnswer | Failure> {
    return this.told(
      'schedule',
      name,
      this.unlessClosed(() => pauseScheduleIn(this.store, name, isPaused)),
    );
  }

  deleteSchedule(name: string): Promise<ScheduleAnswer | Failure> {
    return this.told('schedule', name, deleteScheduleIn(this.store, name));
  }

  subscription(name: string): { subscription: SubscriptionDefinition | null; topologyVersion: number } {
    return { subscription: this.store.subscriptions.get(name), topologyVersion: this.store.version() };
  }

  /** `secret` is the one that was made for it by this call, else null. */
  async putSubscription(
    namespace: string,
    name: string,
    declaration: SubscriptionDeclaration,
  ): Promise<New<SubscriptionAnswer & { secret: string | null }>> {
    const put = this.unlessClosed(() =>
      putSubscriptionIn(this.store, this.env, namespace, name, declaration),
    );
    const told = isFailure(put) ? put : await this.told('queue', defaultDeadLetterQueue(name), put); // it may be made too
    return await this.#fed(name, told);
  }

  pauseSubscription(
    name: string,
    reason: PauseReason | null,
    id?: number,
  ): Promise<SubscriptionAnswer | Failure> {
    return this.#fed(
      name,
      this.unlessClosed(() => pauseSubscriptionIn(this.store, name, reason, id)),
    );
  }

  async deleteSubscription(name: string): Promise<SubscriptionAnswer | Failure> {
    const answer = deleteSubscriptionIn(this.store, name);
    if (isFailure(answer)) return answer;
    const told = await this.#toldSource(answer);
    return await this.told('subscription', name, told);
  }

  /** Tells the subscription, and then its source, which hands it messages from then on. */
  async #fed<Answer extends SubscriptionAnswer>(
    name: string,
    answer: Answer | Failure,
  ): Promise<Answer | Failure> {
    const told = await this.told('subscription', name, answer);
    return isFailure(told) ? told : await this.#toldSource(told);
  }

  #toldSource<Answer extends SubscriptionAnswer>(answer: Answer): Promise<Answer | Failure> {
    const { source } = answer.subscription.config;
    return 'queue' in source
      ? this.told('queue', source.queue, answer)
      : this.told('topic', source.topic, answer);
  }

  /** A topic or queue has changed or gone: tells the subscriptions that take from it. */
  async #toldTakers<
    Answer extends Partial<Record<'topic' | 'queue', Pick<TopicDefinition, 'subscriptions'>>>,
  >(told: Promise<Answer | Failure>): Promise<Answer | Failure> {
    const answer = await told;
    if (isFailure(answer)) return answer;
    const { subscriptions = [] } = answer.topic ?? answer.queue ?? {};
    await Promise.all(subscriptions.map(({ name }) => this.told('subscription', name, answer)));
    return answer;
  }

  hook(name: string): { hook: HookDefinition | null; topologyVersion: number } {
    return { hook: this.store.hooks.get(name), topologyVersion: this.store.version() };
  }

  /** `secret` is the one that was made for it by this call, else null. */
  putHook(name: string, declaration: HookDeclaration): New<HookAnswer & { secret: string | null }> {
    return this.unlessClosed(() => putHookIn(this.store, name, declaration));
  }

  deleteHook(name: string): HookAnswer | Failure {
    return deleteHookIn(this.store, name);
  }

  lettersOfOthers(kind: LetterOwner, names: readonly string[]): string[] {
    return lettersOfOthersIn(this.store, kind, names);
  }

  shareGroup(name: string): { group: ShareGroupDefinition | null; topologyVersion: number } {
    return { group: this.store.shareGroups.get(name), topologyVersion: this.store.version() };
  }

  putShareGroup(
    namespace: string,
    name: string,
    declaration: ShareGroupDeclaration,
  ): Promise<New<ShareGroupAnswer>> {
    const queue = defaultDeadLetterQueue(name); // it may be made too
    return this.told(
      'queue',
      queue,
      this.unlessClosed(() => putShareGroupIn(this.store, namespace, name, declaration)),
    );
  }

  deleteShareGroup(name: string): ShareGroupAnswer | Failure {
    return deleteShareGroupIn(this.store, name);
  }

  /** The definitions of many queues and topics at once; those that are not there are left out. */
  definitions(
    queues: readonly string[],
    topics: readonly string[],
  ): { queues: QueueDefinition[]; topics: TopicDefinition[]; topologyVersion: number } {
    return {
      queues: queues.flatMap((name) => this.store.queues.get(name)?.definition ?? []),
      topics: topics.flatMap((name) => this.store.topics.get(name) ?? []),
      topologyVersion: this.store.version(),
    };
  }

  /** @returns the first of `count` producer ids that nobody else gets */
  takeProducerIds(count: number): number {
    return takeProducerIds(this.sql, count);
  }

  /** Lists a transactional id before its transaction opens. Costs a row if the id had no transaction for an hour. */
  listTransactionalId(name: string, number: number): Failure | null {
    return this.unlessClosed(() => {
      this.coordinators.put(name, number);
      return null;
    });
  }

  noteCoordinator(name: string): Failure | null {
    return this.unlessClosed(() => {
      this.coordinators.noteCoordinator(name);
      return null;
    });
  }

  unlistTransactionalId(name: string, number: number): void {
    this.coordinators.remove(name, number);
  }

  transactionalIds(after: string, limit: number): string[] {
    return this.coordinators.after(after, limit);
  }

  transactionalIdCount(): number {
    return this.coordinators.count();
  }

  usedTransactionalIds(after: string, limit: number): string[] {
    return this.coordinators.coordinators(limit, after);
  }

  /**
   * Routes messages of an exchange for objects that send messages on. Routers route by themselves.
   * @returns for each of the first messages the queues and topics, each once; ask again for the rest
   */
  route(
    exchange: string,
    messages: readonly { routingKey: string; headers: RoutedHeaders }[],
  ): { kind: 'queue' | 'topic'; name: string }[][] {
    return this.graph.route(exchange, messages) as { kind: 'queue' | 'topic'; name: string }[][];
  }

  snapshot(after: SnapshotPosition | null): SnapshotPage {
    return snapshotPage(this.store, after);
  }

  changesSince(version: number): ChangesSince | null {
    return changesSince(this.store, version);
  }
}
