/**
 * Subscription object: pushes messages of a queue, or records of a topic, to an endpoint. The source says when there are some, so
 * nothing runs while nothing waits.
 */

import { DurableObject } from 'cloudflare:workers';
import { filterOf } from '../../core/subscription/push-filter.ts';
import { judgePush } from '../../core/subscription/push-verdict.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Failure } from '../../protocol/errors.ts';
import type {
  Attempt,
  SubscriptionSeek,
  SubscriptionSought,
  SubscriptionState,
} from '../../protocol/schemas/subscriptions.ts';
import type { Env } from '../env.ts';
import type { PartitionWake, PushAnswer, PushSource, SubscriptionMethods } from '../rpc/subscription.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { topologyStub } from '../stubs.ts';
import { AccessTokens } from './access-tokens.ts';
import { AttemptLog } from './attempt-log.ts';
import type { Wanted } from './backlog.ts';
import { deliver } from './deliver.ts';
import { testMessage } from './push-message.ts';
import { Pusher } from './pusher.ts';
import { QueueBacklog } from './queue/queue-backlog.ts';
import { messagesOfFrame } from './queue/queue-messages.ts';
import { SubscriptionReporter, type ReportedState } from './reporter.ts';
import { SubscriptionStore } from './subscription-store.ts';
import { seekIn, topicStateOf } from './topic/positions.ts';
import { TopicBacklog } from './topic/topic-backlog.ts';

export class Subscription extends DurableObject<Env> implements SubscriptionMethods {
  readonly #store: SubscriptionStore;
  readonly #log: AttemptLog;
  readonly #pusher: Pusher;
  #reporter!: SubscriptionReporter;
  readonly #queue: QueueBacklog;
  readonly #tokens: AccessTokens;
  #topic!: TopicBacklog;
  #alarm!: Alarm;
  #definition: SubscriptionDefinition | null;
  #wanted: Wanted = filterOf(null);

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const sql = new DurableSql(ctx.storage);
    this.#store = new SubscriptionStore(sql);
    this.#log = new AttemptLog(this.#store);
    this.#definition = this.#store.read();
    const waitUntil = (work: Promise<unknown>): void => ctx.waitUntil(work);
    const definition = (): SubscriptionDefinition | null => this.#definition;
    const now = (): number => this.now();
    const wanted = (): Wanted => this.#wanted;
    const isPushing = (): boolean => this.#pusher.inFlight > 0;
    this.#queue = new QueueBacklog({
      env,
      namespace: () => this.#definition?.namespace ?? null,
      name: () => this.#definition?.name ?? '',
      room: () => this.#pusher.room(),
      wanted,
      isPushing,
      waitUntil,
    });
    this.#tokens = new AccessTokens(env, now);
    this.#pusher = new Pusher({
      deliver: (of, messages, facts) => deliver(env, of, messages, facts, this.#tokens, now),
      now,
      definition,
      backlog: () => (this.#definition?.topic ? this.#topic : this.#queue),
      note: (attempt) => {
        this.#log.note(attempt, this.now());
        this.#reporter.changed();
      },
      gone: () => ctx.waitUntil(this.#pauseItself()),
      waitUntil,
    });
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), now);
      const context = { env, sql, alarm: this.#alarm, now, waitUntil };
      this.#topic = new TopicBacklog({
        context,
        definition,
        wanted,
        pump: () => this.#pusher.pump(),
        isPushing,
      });
      this.#reporter = new SubscriptionReporter({ ...context, definition, state: () => this.#state() });
      if (!this.#definition) return;
      this.#wanted = filterOf(this.#definition.config.filter);
      this.#topic.open();
      this.#pusher.configure(this.#definition, false);
    });
  }

  async configure(definition: SubscriptionDefinition): Promise<void> {
    const before = this.#definition;
    if (!before || before.version < definition.version) {
      this.#store.write(definition); // before memory knows it: told again after a failure, it has to write
      if (before && isTopic(before) !== isTopic(definition)) this.#pusher.giveBack();
      this.#definition = definition;
      this.#wanted = filterOf(definition.config.filter);
      this.#pusher.configure(definition, before !== null && before.resumes !== definition.resumes);
    }
    await this.#topic.configure();
    this.#reporter.changed();
  }

  async destroy(): Promise<void> {
    await this.#pusher.stop();
    if (this.#definition) this.#reporter.gone(this.#definition);
    this.#definition = null;
    this.#topic.cancel();
    this.#alarm.forgetAll();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  push(source: PushSource, frame: Uint8Array): PushAnswer {
    if (!this.#definition) return null;
    this.#alarm.runDue();
    const taken = !isTopic(this.#definition) && this.#pusher.wants();
    if (taken) {
      this.#queue.add(messagesOfFrame(this.#definition.namespace, source, frame, this.now()));
      this.#pusher.pump();
    }
    return { taken, room: this.#pusher.room() };
  }

  wake(wake: PartitionWake): 'told' | 'at end' | null {
    if (!this.#definition) return null;
    this.#alarm.runDue();
    return this.#topic.wake(wake);
  }

  held(): number {
    return this.#queue.held;
  }

  tick(): void {
    this.#alarm.runDue();
    this.#topic.lookAgain();
    this.#reporter.changed(); // the watchdog comes by because no report says that it rests
  }

  async describe(): Promise<SubscriptionState | null> {
    this.#alarm.runDue();
    return (await this.#state())?.state ?? null;
  }

  async #state(): Promise<ReportedState | null> {
    if (!this.#definition) return null;
    await this.#topic.done(); // what the endpoint has just accepted
    const { state, restsAt } = await topicStateOf(this.#topic);
    return { state: { ...this.#pusher.describe(), ...state }, restsAt };
  }

  async seek(seek: SubscriptionSeek): Promise<SubscriptionSought['offsets'] | Failure | null> {
    return this.#definition && (await seekIn(this.#topic, this.#definition.name, seek));
  }

  attempts(limit: number, onlyFailed: boolean): string | null {
    return this.#definition && JSON.stringify(this.#log.latest(limit, onlyFailed));
  }

  override alarm(): void {
    this.#alarm.fired();
    this.#topic.recover();
  }

  async test(): Promise<Attempt | null> {
    const definition = this.#definition;
    if (!definition) return null;
    const sentMs = this.now();
    const id = `test_${crypto.randomUUID()}`;
    const messages = [testMessage(definition, id, sentMs)];
    const request = { id, attempt: 1, isTest: true };
    const outcome = await deliver(this.env, definition, messages, request, this.#tokens, () =>
      this.now(),
    ).catch((error: unknown) => ({ error: `the request could not be made: ${String(error)}`, reply: null }));
    const verdict = judgePush(outcome);
    const attempt: Attempt = {
      id,
      at: sentMs,
      duration_ms: Math.max(0, this.now() - sentMs),
      messages: 0,
      attempt: 1,
      status: 'status' in outcome ? outcome.status : null,
      outcome: verdict.kind === 'accepted' ? 'accepted' : 'failed',
      error: verdict.kind === 'accepted' ? null : verdict.error,
      reply: outcome.reply,
    };
    this.#log.note(attempt, this.now());
    return attempt;
  }

  /** The clock. Tests replace it. */
  protected now(): number {
    return Date.now();
  }

  /** The endpoint has answered 410. Should it not be told, the next message is answered so too. */
  async #pauseItself(): Promise<void> {
    const definition = this.#definition;
    if (!definition) return;
    const { namespace, name, id } = definition;
    this.#log.store(this.now());
    try {
      await topologyStub(this.env, namespace).pauseSubscription(name, 'gone', id);
    } catch (error) {
      console.error(`subscription ${name} could not pause itself`, error);
      this.#pusher.configure(definition, false);
    }
  }
}

const isTopic = ({ topic }: SubscriptionDefinition): boolean => topic !== undefined;
