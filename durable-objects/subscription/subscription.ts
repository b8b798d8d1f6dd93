/**
 * Subscription object: pushes messages of a queue to an endpoint. The queue hands it messages when there are some, so nothing
 * runs while nothing waits, and it writes no rows for what it pushes.
 */

import { DurableObject } from 'cloudflare:workers';
import { judgePush } from '../../core/subscription/push-verdict.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Attempt, SubscriptionState } from '../../protocol/schemas/subscriptions.ts';
import type { Env } from '../env.ts';
import type { PushAnswer, PushSource, SubscriptionMethods } from '../rpc/subscription.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import { topologyStub } from '../stubs.ts';
import { AttemptLog } from './attempt-log.ts';
import { bodyOf } from './push-body.ts';
import { messagesOfFrame, testMessage } from './push-message.ts';
import { Pusher } from './pusher.ts';
import { sendPush } from './send-push.ts';
import { SubscriptionStore } from './subscription-store.ts';

export class Subscription extends DurableObject<Env> implements SubscriptionMethods {
  readonly #store: SubscriptionStore;
  readonly #log: AttemptLog;
  readonly #pusher: Pusher;
  #definition: SubscriptionDefinition | null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SubscriptionStore(new DurableSql(ctx.storage));
    this.#log = new AttemptLog(this.#store);
    this.#definition = this.#store.read();
    this.#pusher = new Pusher({
      env,
      now: () => this.now(),
      definition: () => this.#definition,
      note: (attempt) => this.#log.note(attempt, this.now()),
      gone: () => ctx.waitUntil(this.#pauseItself()),
      waitUntil: (work) => ctx.waitUntil(work),
    });
    if (this.#definition) this.#pusher.configure(this.#definition, false);
  }

  configure(definition: SubscriptionDefinition): void {
    const before = this.#definition;
    if (before && before.version >= definition.version) return;
    this.#store.write(definition); // before memory knows it: told again after a failure, it has to write
    this.#definition = definition;
    this.#pusher.configure(definition, before !== null && before.resumes !== definition.resumes);
  }

  async destroy(): Promise<void> {
    await this.#pusher.stop();
    this.#definition = null;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  push(source: PushSource, frame: Uint8Array): PushAnswer {
    if (!this.#definition) return null;
    const messages = messagesOfFrame(this.#definition.namespace, source, frame, this.now());
    const taken = this.#pusher.take(messages);
    return { taken, room: this.#pusher.room() };
  }

  held(): number {
    return this.#pusher.held;
  }

  describe(): SubscriptionState | null {
    return this.#definition && this.#pusher.describe();
  }

  attempts(limit: number, onlyFailed: boolean): string | null {
    return this.#definition && JSON.stringify(this.#log.latest(limit, onlyFailed));
  }

  async test(): Promise<Attempt | null> {
    const definition = this.#definition;
    if (!definition) return null;
    const sentMs = this.now();
    const id = `test_${crypto.randomUUID()}`;
    const { body, headers } = bodyOf(definition, [testMessage(definition, id, sentMs)]);
    const request = { id, attempt: 1, body, headers: { ...headers, 'posthorn-test': 'true' } };
    const outcome = await sendPush(this.env, definition, request, () => this.now());
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
