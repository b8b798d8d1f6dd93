/**
 * Topology life: what the object of a namespace's topology keeps, how it tells other objects of changes, and how it ends with
 * its namespace. The calls are in topology.ts.
 */

import { DurableObject } from 'cloudflare:workers';
import { noSuchNamespace } from '../../core/access/namespace.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import type { Env } from '../env.ts';
import { CeilingNotices } from './accounts/ceiling-notices.ts';
import { clearSome } from './clearing.ts';
import { Closure } from './closure.ts';
import { CostLedger } from './accounts/cost-ledger.ts';
import { LocalGraph } from './routing/local-graph.ts';
import { isDoneWithin, RuleApplier, mayHaveWork } from './definitions/rules/rule-applier.ts';
import { DefinitionPropagator } from './propagation/definition-propagator.ts';
import type { Cleared, Ruled, TargetKind, TopologyFloor } from '../rpc/topology.ts';
import { StoredBytesSurvey } from './accounts/stored-bytes-survey.ts';
import { overviewStub } from '../stubs.ts';
import { TopologyStore } from './topology-store.ts';
import { TransactionalIds } from './transactional-ids.ts';

/** How long a change waits for the affected objects before its answer, in ms: they may be many, or unreachable. */
const ANSWER_MS_MAX = 1_000;

/** After an object could not be told. */
const RETRY_DELAY_MS = 5_000;

export abstract class TopologyLife extends DurableObject<Env> {
  protected readonly sql: DurableSql;
  protected store!: TopologyStore;
  protected closure!: Closure;
  protected propagator!: DefinitionPropagator;
  protected graph!: LocalGraph;
  protected cost!: CostLedger;
  protected readonly ceiling: CeilingNotices;
  protected coordinators!: TransactionalIds;
  protected alarms!: Alarm;
  protected rules!: RuleApplier;
  protected survey!: StoredBytesSurvey;
  #propagating: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.sql = new DurableSql(ctx.storage);
    this.ceiling = new CeilingNotices(
      (use) => overviewStub(env, this.#namespace).noteCeiling(use),
      (work) => ctx.waitUntil(work),
    );
    this.#openStores();
    void ctx.blockConcurrencyWhile(async () => {
      this.alarms = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => Date.now());
      this.alarms.register('effects', () => {
        ctx.waitUntil(this.propagate());
        return Date.now() + RETRY_DELAY_MS; // should it fail, or this object be gone before it is done
      });
      if (this.#hasEffects()) this.alarms.schedule('effects', Date.now() + RETRY_DELAY_MS);
      this.alarms.register('rules', () => {
        ctx.waitUntil(this.rules.apply());
        return Date.now() + RETRY_DELAY_MS;
      });
      this.rules = new RuleApplier(this.store, this.propagator, this.alarms);
      if (this.store.rulePass.get()) this.alarms.schedule('rules', Date.now() + 1);
      this.survey = new StoredBytesSurvey({
        env,
        sql: this.sql,
        alarm: this.alarms,
        namespace: this.#namespace,
        store: () => this.store,
        waitUntil: (work) => ctx.waitUntil(work),
      });
    });
  }

  /** Tells the objects of changes, in order. The alarm and `propagateOne` repeat what fails. */
  propagate(): Promise<void> {
    this.#propagating ??= this.#propagateAll().finally(() => (this.#propagating = null));
    return this.#propagating;
  }

  /** Tells one object, or one topic's partitions, whatever others still have to be told. */
  async propagateOne(kind: TargetKind, name: string): Promise<void> {
    if (!(await this.propagator.tell(kind, name)))
      this.alarms.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);
  }

  async clear(floor: TopologyFloor | null): Promise<Cleared> {
    this.closure.close(floor);
    this.store.rulePass.put(null);
    this.store.stored.end(); // a survey would call objects that are freed, and make them again
    const cleared = await clearSome({
      env: this.env,
      sql: this.sql,
      namespace: this.#namespace,
      store: this.store,
      propagator: this.propagator,
      transactionalIds: this.coordinators,
    });
    return { ...cleared, floor: this.closure.floor() };
  }

  async wipe(floor: TopologyFloor): Promise<void> {
    await overviewStub(this.env, this.#namespace).erase(floor.version);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#openStores();
    this.closure.close(floor);
    this.alarms.forgetAll();
    this.rules = new RuleApplier(this.store, this.propagator, this.alarms);
  }

  open(): void {
    this.closure.open();
  }

  override alarm(): void {
    this.alarms.fired();
  }

  get #namespace(): string {
    return this.ctx.id.name!; // the object has the name of the namespace
  }

  #openStores(): void {
    this.store = new TopologyStore(this.sql);
    this.closure = new Closure(this.sql, this.store.changes);
    this.cost = new CostLedger(this.sql);
    this.coordinators = new TransactionalIds(this.sql);
    this.propagator = new DefinitionPropagator(this.env, this.store.changes);
    this.graph = new LocalGraph(this.store);
  }

  protected unlessClosed<Answer>(decide: () => Answer): Answer | Failure {
    return this.closure.isClosed ? noSuchNamespace(this.#namespace) : decide();
  }

  async #propagateAll(): Promise<void> {
    await this.propagator.tellAll();
    this.alarms.schedule('effects', this.#hasEffects() ? Date.now() + RETRY_DELAY_MS : null);
  }

  /** The answer, once the objects have been told of what has changed; those that take long are told afterwards. */
  protected async told<Answer>(kind: TargetKind, name: string, answer: Answer): Promise<Answer> {
    if (isFailure(answer) || !this.#hasEffects()) return answer;
    const isDone = await isDoneWithin(ANSWER_MS_MAX, this.propagateOne(kind, name)).catch(() => false);
    if (!isDone) this.alarms.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);
    return answer;
  }

  /** Tells all objects of what has changed, and brings the rules to the queues; those that take long get it afterwards. */
  protected async toldAll(): Promise<void> {
    this.rules.begin();
    const work = Promise.all([this.propagate(), this.rules.apply()]);
    const isDone = await isDoneWithin(ANSWER_MS_MAX, work).catch(() => false);
    if (!isDone && this.#hasEffects()) this.alarms.scheduleEarlier('effects', Date.now() + RETRY_DELAY_MS);
  }

  /** The answer with how far the rules have come; queues that take long get them afterwards. */
  protected async ruled<Answer extends { topologyVersion: number }>(
    answer: Answer | Failure,
  ): Promise<Ruled<Answer> | Failure> {
    if (isFailure(answer)) return answer;
    this.rules.begin();
    await isDoneWithin(ANSWER_MS_MAX, this.rules.apply());
    return { ...answer, progress: this.rules.progressOf(answer.topologyVersion) };
  }

  #hasEffects(): boolean {
    return mayHaveWork(() => this.store.changes.effectsAfter(0, 1).length > 0);
  }
}
