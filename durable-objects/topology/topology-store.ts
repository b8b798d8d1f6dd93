/**
 * Topology store: all tables of a namespace's topology, and the changes to them. Each change is one transaction: it
 * puts or removes rows, notes the change for routers, and notes which objects have to be told.
 */

import type { Binding, DestinationKind } from '../../core/exchange/binding.ts';
import { predeclaredExchange, type ExchangeDefinition } from '../../core/topology/exchanges.ts';
import type { AlertDefinition } from '../../core/topology/rules/alerts.ts';
import type { PolicyDefinition } from '../../core/topology/rules/policies.ts';
import { applyAlerts, applyPolicies, type QueueEntry } from '../../core/topology/queues/queue-entry.ts';
import type { HookDefinition } from '../../core/topology/hooks.ts';
import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { advancePass, beginPass, type RulePass } from '../../core/topology/rules/rule-pass.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import {
  pauseSubscription,
  queueSubscriptionOf,
  sourceTopicOf,
  topicSubscriptionOf,
  withSubscription,
  type SubscriptionDefinition,
} from '../../core/topology/subscriptions.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import { completeTopic, type TopicDefinition } from '../../core/topology/topics.ts';
import type { SubscriptionSource } from '../../protocol/schemas/subscriptions.ts';
import type { Sql } from '../storage/sql.ts';
import { BindingsStore } from './definitions/bindings-store.ts';
import { ChangeStore } from './propagation/change-store.ts';
import { DefinitionsStore } from './definitions/definitions-store.ts';
import { QuotaGuard } from './accounts/quota-guard.ts';
import { StoredBytesLedger } from './accounts/stored-bytes-ledger.ts';
import { RulePassStore } from './definitions/rules/rule-pass-store.ts';

/** A binding is at most 5 KiB of JSON, three times that in UTF-8; a row at most 2 MB. */
const BINDINGS_PER_CHANGE = 100;

/** Queues that one slice of a rule pass looks at, some milliseconds, and those that it may change: each is told then. */
const QUEUES_PER_SLICE = 500;
const QUEUES_CHANGED_PER_SLICE = 32;

export class TopologyStore {
  readonly topics: DefinitionsStore<TopicDefinition>;
  readonly queues: DefinitionsStore<QueueEntry>;
  readonly exchanges: DefinitionsStore<ExchangeDefinition>;
  readonly policies: DefinitionsStore<PolicyDefinition>;
  readonly alerts: DefinitionsStore<AlertDefinition>;
  readonly schedules: DefinitionsStore<ScheduleDefinition>;
  readonly subscriptions: DefinitionsStore<SubscriptionDefinition>;
  readonly hooks: DefinitionsStore<HookDefinition>;
  /** Names only: a group keeps itself. No change of the topology. */
  readonly groups: DefinitionsStore<{ name: string }>;
  readonly shareGroups: DefinitionsStore<ShareGroupDefinition>;
  readonly bindings: BindingsStore;
  readonly changes: ChangeStore;
  readonly rulePass: RulePassStore;
  readonly stored: StoredBytesLedger;
  readonly quotas: QuotaGuard;
  readonly #sql: Sql;
  /** While several changes are made as one: the version of the first change of a rule; null: there is none yet. */
  #together: { rulesSince: number | null } | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.topics = new DefinitionsStore(sql, 'topics', completeTopic);
    this.queues = new DefinitionsStore(sql, 'queues');
    this.exchanges = new DefinitionsStore(sql, 'exchanges');
    this.policies = new DefinitionsStore(sql, 'policies');
    this.alerts = new DefinitionsStore(sql, 'alerts');
    this.schedules = new DefinitionsStore(sql, 'schedules');
    this.subscriptions = new DefinitionsStore(sql, 'subscriptions');
    this.hooks = new DefinitionsStore(sql, 'hooks');
    this.groups = new DefinitionsStore(sql, 'groups');
    this.shareGroups = new DefinitionsStore(sql, 'share_groups');
    this.bindings = new BindingsStore(sql);
    this.changes = new ChangeStore(sql);
    this.rulePass = new RulePassStore(sql);
    this.stored = new StoredBytesLedger(sql);
    this.quotas = new QuotaGuard(sql, this);
  }

  version(): number {
    return this.changes.version();
  }

  /** Makes several changes as one: all or none, with one pass of the rules. An exception undoes them. */
  together<Result>(changes: () => Result): Result {
    return this.#change(() => {
      const together: { rulesSince: number | null } = { rulesSince: null };
      this.#together = together;
      try {
        const result = changes();
        if (together.rulesSince !== null) this.#applyRules(this.#restartRules(together.rulesSince));
        return result;
      } finally {
        this.#together = null;
      }
    });
  }

  /** Also the predeclared ones, which have no row. */
  exchange(name: string): ExchangeDefinition | null {
    return predeclaredExchange(name) ?? this.exchanges.get(name);
  }

  exists({ kind, name }: { kind: DestinationKind; name: string }): boolean {
    if (kind === 'exchange') return this.exchange(name) !== null;
    return (kind === 'queue' ? this.queues : this.topics).has(name);
  }

  /** Creates or replaces a topic, as the change of its version. */
  putTopic(topic: TopicDefinition): void {
    this.#change(() => {
      this.#putTopic(topic);
      for (const { name } of topic.subscriptions ?? []) this.#tellSource(name, topic);
    });
  }

  removeTopic(topic: TopicDefinition): void {
    this.#change(() => {
      this.topics.remove(topic.name);
      this.stored.remove('partition', topic.name);
      this.#removeEnds('topic', topic.name);
      this.changes.addEffect('destroy', topic);
      for (const { name } of topic.subscriptions ?? []) this.#endSource(name);
    });
  }

  putQueue(entry: QueueEntry): void {
    this.#change(() => {
      this.queues.put(entry);
      this.changes.note({ put: 'queue', name: entry.name });
      this.changes.addEffect('configure-queue', entry.definition);
    });
  }

  removeQueue({ name, definition }: QueueEntry): void {
    this.#change(() => {
      this.queues.remove(name);
      this.stored.remove('queue', name);
      this.#removeEnds('queue', name);
      this.changes.addEffect('destroy-queue', definition);
      for (const { name: of } of definition.subscriptions ?? []) this.#endSource(of);
    });
  }

  putExchange(exchange: ExchangeDefinition): void {
    this.#change(() => {
      this.exchanges.put(exchange);
      this.changes.note({ put: 'exchange', exchange });
    });
  }

  removeExchange(name: string): void {
    this.#change(() => this.#removeExchange(name));
  }

  /** All or none, as few changes: one holds as many as a row can. None of them may be there already. */
  putBindings(bindings: readonly Binding[]): void {
    this.#change(() => {
      for (const binding of bindings) this.bindings.put(binding);
      for (let first = 0; first < bindings.length; first += BINDINGS_PER_CHANGE) {
        this.changes.note({ put: 'bindings', bindings: bindings.slice(first, first + BINDINGS_PER_CHANGE) });
      }
    });
  }

  /**
   * @param isSourceKept its exchange stays, even if it deletes itself with its last binding
   * @returns whether its exchange went with it
   */
  removeBinding(source: string, id: string, isSourceKept = false): boolean {
    return this.#change(() => {
      this.bindings.remove(source, id);
      this.changes.note({ removed: 'binding', id });
      return !isSourceKept && this.#removeIfUnbound(source);
    });
  }

  /** Puts or removes a policy, and begins to apply the rules to the queues: `applyRules` goes on. */
  changePolicy(name: string, policy: PolicyDefinition | null): void {
    this.#change(() => {
      if (policy) this.policies.put(policy);
      else this.policies.remove(name);
      this.#beginRulePass();
    });
  }

  /** Puts or removes an alert rule, and begins to apply the rules to the queues: `applyRules` goes on. */
  changeAlert(name: string, alert: AlertDefinition | null): void {
    this.#change(() => {
      if (alert) this.alerts.put(alert);
      else this.alerts.remove(name);
      this.#beginRulePass();
    });
  }

  /**
   * Applies the rules to the next slice of queues, as one change.
   * @returns the queues that they made a difference to; null when no pass is under way
   */
  applyRules(): QueueDefinition[] | null {
    const pass = this.rulePass.get();
    return pass && this.#change(() => this.#applyRules(pass));
  }

  /** Creates or replaces a schedule, as the change of its version. */
  putSchedule(schedule: ScheduleDefinition): void {
    this.#change(() => {
      this.schedules.put(schedule);
      this.changes.note({ put: 'other' });
      this.changes.addEffect('configure-schedule', schedule);
    });
  }

  removeSchedule(schedule: ScheduleDefinition): void {
    this.#change(() => {
      this.schedules.remove(schedule.name);
      this.changes.note({ put: 'other' });
      this.changes.addEffect('destroy-schedule', schedule);
    });
  }

  /** Creates or replaces a subscription, and what its source keeps of it. It is told before the source hands it messages. */
  putSubscription(subscription: SubscriptionDefinition): void {
    const { name, config, pauseReason } = subscription;
    const before = this.subscriptions.get(name)?.config.source;
    this.#change(() => {
      this.subscriptions.put(subscription);
      this.changes.note({ put: 'other' });
      this.changes.addEffect('configure-subscription', subscription);
      if (before && nameOf(before) !== nameOf(config.source)) this.#feed(before, name, null);
      this.#feed(config.source, name, pauseReason === null ? subscription : null);
    });
  }

  /** Its source is told first: it hands over no more messages then. */
  removeSubscription(subscription: SubscriptionDefinition): void {
    this.#change(() => {
      this.subscriptions.remove(subscription.name);
      this.changes.note({ put: 'other' });
      this.#feed(subscription.config.source, subscription.name, null);
      this.changes.addEffect('destroy-subscription', subscription);
    });
  }

  /** Partitions are not told: the router that calls them brings the definition along. */
  putShareGroup(group: ShareGroupDefinition): void {
    this.#change(() => {
      this.shareGroups.put(group);
      this.changes.note({ put: 'other' });
    });
  }

  removeShareGroup(name: string): void {
    this.#change(() => {
      this.shareGroups.remove(name);
      this.changes.note({ put: 'other' });
    });
  }

  /** Nobody is told: routers ask for a hook again after some seconds. */
  putHook(hook: HookDefinition): void {
    this.#change(() => {
      this.hooks.put(hook);
      this.changes.note({ put: 'other' });
    });
  }

  removeHook(name: string): void {
    this.#change(() => {
      this.hooks.remove(name);
      this.changes.note({ put: 'other' });
    });
  }

  #putTopic(topic: TopicDefinition): void {
    this.topics.put(topic);
    this.changes.note({ put: 'topic', name: topic.name });
    this.changes.addEffect('configure', topic);
  }

  /** Puts a subscription into the definition of its source, or takes it out (null). */
  #feed(source: SubscriptionSource, name: string, subscription: SubscriptionDefinition | null): void {
    const version = this.version() + 1;
    if ('topic' in source) {
      const topic = this.topics.get(source.topic);
      const own = subscription && topicSubscriptionOf(subscription);
      const definition = topic && withSubscription(topic, name, own, version);
      if (definition && definition !== topic) this.#putTopic(definition);
      return;
    }
    const entry = this.queues.get(source.queue);
    const own = subscription && queueSubscriptionOf(subscription);
    const definition = entry && withSubscription(entry.definition, name, own, version);
    if (!entry || !definition || definition === entry.definition) return;
    this.queues.put({ ...entry, definition });
    this.changes.note({ put: 'queue', name: source.queue });
    this.changes.addEffect('configure-queue', definition);
  }

  /** A subscription learns how many partitions its topic has now. */
  #tellSource(name: string, topic: TopicDefinition): void {
    const known = this.subscriptions.get(name);
    if (known?.topic?.id !== topic.id || known.topic.config.partitions === topic.config.partitions) return;
    const subscription = { ...known, version: topic.version, topic: sourceTopicOf(topic) };
    this.subscriptions.put(subscription);
    this.changes.addEffect('configure-subscription', subscription);
  }

  #endSource(name: string): void {
    const subscription = this.subscriptions.get(name);
    if (!subscription) return;
    const paused = pauseSubscription(subscription, 'source_deleted', this.version() + 1);
    this.subscriptions.put(paused);
    this.changes.note({ put: 'other' });
    this.changes.addEffect('configure-subscription', paused);
  }

  #beginRulePass(): void {
    this.changes.note({ put: 'other' });
    if (this.#together === null) this.#applyRules(this.#restartRules(this.version()));
    else this.#together.rulesSince ??= this.version();
  }

  #restartRules(since: number): RulePass {
    const pass = beginPass(this.rulePass.get(), since, this.queues.count());
    this.rulePass.put(pass);
    return pass;
  }

  #applyRules(pass: RulePass): QueueDefinition[] {
    const [policies, alerts] = [this.policies.all(), this.alerts.all()];
    const names = this.queues.namesAfter(pass.after, QUEUES_PER_SLICE);
    const looked: string[] = [];
    const changed: QueueDefinition[] = [];
    for (const name of names) {
      looked.push(name);
      const entry = this.queues.get(name)!;
      const withPolicies = applyPolicies(entry, policies, this.version() + 1);
      const applied = applyAlerts(withPolicies, alerts, this.version() + 1);
      if (applied === entry) continue;
      this.queues.put(applied);
      if (applied.definition === entry.definition) continue; // only the name of the policy differs
      this.changes.note({ put: 'queue', name });
      this.changes.addEffect('configure-queue', applied.definition);
      changed.push(applied.definition);
      if (changed.length >= QUEUES_CHANGED_PER_SLICE) break;
    }
    const isLast = looked.length === names.length && names.length < QUEUES_PER_SLICE;
    this.rulePass.put(advancePass(pass, looked, isLast));
    return changed;
  }

  /**
   * Notes that a definition is deleted. Removes its bindings, and exchanges with `auto_delete` that lose their last
   * one.
   */
  #removeEnds(kind: DestinationKind, name: string): void {
    const sources = this.bindings.removeTo({ kind, name });
    this.changes.note({ removed: kind, name });
    for (const source of sources) this.#removeIfUnbound(source);
  }

  #removeExchange(name: string): void {
    this.exchanges.remove(name);
    this.bindings.removeFrom(name);
    this.#removeEnds('exchange', name);
  }

  #removeIfUnbound(name: string): boolean {
    if (!this.exchanges.get(name)?.auto_delete || this.bindings.hasFrom(name)) return false;
    this.#removeExchange(name);
    return true;
  }

  #change<Result>(action: () => Result): Result {
    try {
      return this.#sql.transaction(action);
    } catch (error) {
      this.bindings.forgetCount();
      this.stored.recount();
      throw error;
    }
  }
}

const nameOf = (source: SubscriptionSource): string =>
  'queue' in source ? `queue ${source.queue}` : `topic ${source.topic}`;
