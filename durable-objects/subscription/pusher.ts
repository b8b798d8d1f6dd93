/**
 * Pusher: takes messages that are leased to a subscription, pushes them in order as its definition allows, and settles them. All
 * of it is in memory: what is lost with the object comes back when its lease ends.
 */

import {
  CLOSED,
  noteAccepted,
  noteFailed,
  noteLater,
  wake,
  type Breaker,
} from '../../core/subscription/breaker.ts';
import { keptUntil, takeTurn, UNPACED, type Pace } from '../../core/subscription/pace.ts';
import { pushWindow, withRequest } from '../../core/subscription/push-window.ts';
import { judgePush, type PushVerdict } from '../../core/subscription/push-verdict.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import { BATCH_FORMATS, type Attempt, type SubscriptionState } from '../../protocol/schemas/subscriptions.ts';
import type { PushRoom, PushSource } from '../rpc/subscription.ts';
import type { Env } from '../env.ts';
import { bodyOf } from './push-body.ts';
import { requestIdOf, type PushMessage } from './push-message.ts';
import { sendPush, type PushOutcome } from './send-push.ts';
import { Settler } from './settler.ts';

/** What a lease must still last beyond the timeout of a request: else its messages go back unpushed. */
const LEASE_LEFT_MS = 2_000;

/** Before a queue offers messages again that does not know yet that nothing is pushed, in ms: each offer is two commits. */
const STOPPED_MS = 1_000;

/** Of messages that are held: an object has 128 MB. */
const HELD_BYTES_MAX = 24 * 1024 * 1024;

/** One request with more makes the memory of the endpoint a question. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;

export interface PusherHost {
  readonly env: Env;
  now(): number;
  definition(): SubscriptionDefinition | null;
  note(attempt: Attempt): void;
  /** The endpoint wants nothing any more. */
  gone(): void;
  waitUntil(work: Promise<unknown>): void;
}

export class Pusher {
  readonly #host: PusherHost;
  readonly #settlers = new Map<string, Settler>();
  #pending: PushMessage[] = [];
  #inFlight = 0;
  #held = 0;
  #heldBytes = 0;
  #breaker: Breaker = CLOSED;
  #pace: Pace = UNPACED;
  /** How long a request takes of late, in ms. */
  #requestMs: number | null = null;
  /** Nothing is pushed: it is paused, or gone. */
  #isStopped = false;
  readonly #life = crypto.randomUUID();
  #roomNumber = 0;
  #lastError: string | null = null;
  readonly #counters = { pushed: 0, failed: 0 };
  /** A timer waits for the first batch to be old enough. */
  #isTimed = false;

  constructor(host: PusherHost) {
    this.#host = host;
  }

  get held(): number {
    return this.#held;
  }

  /** What it takes from now on. */
  room(): PushRoom {
    const nowMs = this.#host.now();
    const { phase } = this.#breaker;
    const untilMs = this.#idleUntil(nowMs);
    const definition = this.#host.definition();
    const window = definition && pushWindow(definition.config, this.#requestMs);
    const max = this.#heldBytes > HELD_BYTES_MAX ? 0 : phase === 'closed' ? window : 1;
    const number = ++this.#roomNumber;
    return { life: this.#life, number, untilMs: untilMs > nowMs ? untilMs : 0, max };
  }

  /** Returns false if it takes nothing now. */
  take(messages: readonly PushMessage[]): boolean {
    const nowMs = this.#host.now();
    if (this.#idleUntil(nowMs) > nowMs) return false;
    this.#breaker = wake(this.#breaker, nowMs);
    if (this.#breaker.phase !== 'closed' && this.#held > 0) return false;
    this.#pending.push(...messages);
    this.#held += messages.length;
    for (const { bytes, source } of messages) {
      this.#heldBytes += bytes;
      this.#settlers.get(keyOf(source))?.learn(source);
    }
    this.#pump();
    return true;
  }

  /** The definition has changed. */
  configure({ pauseReason }: SubscriptionDefinition, isResumed: boolean): void {
    this.#isStopped = pauseReason !== null;
    if (isResumed) this.#breaker = CLOSED;
    if (this.#isStopped) this.#giveBack();
    else this.#pump();
  }

  /** Gives back what is not on its way, and waits until the queue knows. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#giveBack();
    await Promise.all([...this.#settlers.values()].map((settler) => settler.done()));
  }

  describe(): SubscriptionState {
    const { phase, untilMs, failures } = this.#breaker;
    return {
      in_flight: this.#inFlight,
      held: this.#held,
      breaker: phase,
      resumes_at: untilMs > this.#host.now() ? untilMs : null,
      failures,
      last_error: this.#lastError,
      ...this.#counters,
    };
  }

  /** Until when it takes nothing, in ms: it is paused, its breaker is open, or the next turn is far away. */
  #idleUntil(nowMs: number): number {
    if (this.#isStopped) return nowMs + STOPPED_MS;
    const isPaced = this.#host.definition()?.config.rate_per_s !== null;
    return Math.max(this.#breaker.untilMs, isPaced ? keptUntil(this.#pace, nowMs) : 0);
  }

  #pump(): void {
    for (;;) {
      const definition = this.#host.definition();
      const nowMs = this.#host.now();
      if (definition === null || this.#pending.length === 0) return;
      if (this.#idleUntil(nowMs) > nowMs) return this.#giveBack();
      const concurrency = this.#breaker.phase === 'closed' ? definition.config.concurrency : 1;
      if (this.#inFlight >= concurrency) return;
      const waitMs = this.#waitMs(definition, nowMs);
      if (waitMs > 0) return this.#pumpLater(waitMs);
      const batch = this.#takeBatch(definition, nowMs);
      if (batch.length === 0) continue;
      this.#inFlight += 1;
      this.#host.waitUntil(this.#push(definition, batch));
    }
  }

  /** How long the next request waits for more messages. */
  #waitMs({ config }: SubscriptionDefinition, nowMs: number): number {
    if (config.batch_wait_ms === 0 || this.#pending.length >= batchMax(config)) return 0;
    return this.#pending[0]!.arrivedMs + config.batch_wait_ms - nowMs;
  }

  #pumpLater(waitMs: number): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    setTimeout(() => {
      this.#isTimed = false;
      this.#pump();
    }, waitMs);
  }

  #takeBatch({ config }: SubscriptionDefinition, nowMs: number): PushMessage[] {
    const batch: PushMessage[] = [];
    let bytes = 0;
    while (batch.length < batchMax(config) && this.#pending.length > 0) {
      const next = this.#pending[0]!;
      if (next.source.id !== (batch[0] ?? next).source.id) break;
      if (batch.length > 0 && bytes + next.bytes > REQUEST_BYTES_MAX) break;
      this.#pending.shift();
      if (!lastsFor(config, next, nowMs)) {
        this.#settle('release', [next]);
        continue;
      }
      bytes += next.bytes;
      batch.push(next);
    }
    return batch;
  }

  /** Never rejects. */
  async #push(definition: SubscriptionDefinition, batch: PushMessage[]): Promise<void> {
    const { waitMs, pace } = takeTurn(this.#pace, definition.config.rate_per_s, this.#host.now());
    this.#pace = pace;
    if (waitMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (!this.#mayStillPush(definition, batch)) {
        this.#inFlight -= 1;
        this.#settle('release', batch);
        return this.#pump();
      }
    }
    const isProbe = this.#breaker.phase === 'probing';
    const id = requestIdOf(batch);
    const attempt = batch[0]!.attempt;
    const sentMs = this.#host.now();
    let outcome: PushOutcome;
    try {
      const body = bodyOf(definition, batch);
      outcome = await sendPush(this.#host.env, definition, { id, attempt, ...body }, () => this.#host.now());
    } catch (error) {
      outcome = { error: `the request could not be made: ${String(error)}`, reply: null };
    }
    this.#inFlight -= 1;
    const verdict = judgePush(outcome);
    const isReleased = this.#apply(verdict, batch, outcome, isProbe);
    const nowMs = this.#host.now();
    this.#requestMs = withRequest(this.#requestMs, Math.max(0, nowMs - sentMs));
    this.#host.note({
      id,
      at: sentMs,
      duration_ms: Math.max(0, nowMs - sentMs),
      messages: batch.length,
      attempt,
      status: 'status' in outcome ? outcome.status : null,
      outcome: verdict.kind === 'accepted' ? 'accepted' : isReleased ? 'released' : 'failed',
      error: verdict.kind === 'accepted' ? null : verdict.error,
      reply: outcome.reply,
    });
    this.#pump();
  }

  /** A request has waited for its turn: it was paused, the endpoint failed, or leases have almost ended meanwhile. */
  #mayStillPush({ config }: SubscriptionDefinition, batch: readonly PushMessage[]): boolean {
    const nowMs = this.#host.now();
    if (this.#isStopped || this.#breaker.untilMs > nowMs) return false;
    return batch.every((message) => lastsFor(config, message, nowMs));
  }

  /** @returns whether the messages went back without an attempt that counts */
  #apply(verdict: PushVerdict, batch: PushMessage[], outcome: PushOutcome, isProbe: boolean): boolean {
    const nowMs = this.#host.now();
    if (verdict.kind === 'accepted') {
      this.#breaker = noteAccepted(this.#breaker);
      this.#lastError = null;
      this.#counters.pushed += batch.length;
      this.#settle('ack', batch);
      return false;
    }
    this.#lastError = verdict.error;
    this.#counters.failed += batch.length;
    if (verdict.kind === 'later') this.#breaker = noteLater(this.#breaker, verdict.delayMs, nowMs);
    if (verdict.kind === 'failed') {
      if (verdict.isDown) this.#breaker = noteFailed(this.#breaker, batch[0]!.id, nowMs);
      else this.#breaker = noteAccepted(this.#breaker); // it answers, and what it refuses is the message
    }
    if (verdict.kind === 'gone' && !this.#isStopped) {
      this.#isStopped = true;
      this.#host.gone();
    }
    const isReleased = verdict.kind !== 'failed' || (isProbe && verdict.isDown);
    if (isReleased) this.#settle('release', batch);
    else this.#fail(batch, verdict, outcome);
    if (this.#isStopped || this.#breaker.untilMs > nowMs) this.#giveBack();
    return isReleased;
  }

  #fail(
    batch: PushMessage[],
    { error, delayMs }: PushVerdict & { kind: 'failed' },
    outcome: PushOutcome,
  ): void {
    const type = 'status' in outcome ? `http_${outcome.status}` : 'no_reply';
    const details = {
      error: { type, message: error, ...(outcome.reply !== null && { stack_trace: outcome.reply }) },
      ...(delayMs !== null && { delayMs }),
    };
    this.#forget(batch);
    for (const [settler, messages] of this.#bySettler(batch))
      settler.settle({ kind: 'nack', nacked: messages.map(({ tag }) => ({ tag, ...details })) });
  }

  #giveBack(): void {
    const messages = this.#pending;
    this.#pending = [];
    if (messages.length > 0) this.#settle('release', messages);
  }

  #settle(kind: 'ack' | 'release', messages: readonly PushMessage[]): void {
    this.#forget(messages);
    for (const [settler, own] of this.#bySettler(messages))
      settler.settle({ kind, tags: own.map(({ tag }) => tag) });
  }

  #forget(messages: readonly PushMessage[]): void {
    this.#held -= messages.length;
    for (const { bytes } of messages) this.#heldBytes -= bytes;
  }

  #bySettler(messages: readonly PushMessage[]): Map<Settler, PushMessage[]> {
    return Map.groupBy(messages, ({ source }) => this.#settlerOf(source));
  }

  #settlerOf(source: PushSource): Settler {
    const key = keyOf(source);
    let settler = this.#settlers.get(key);
    if (!settler) {
      settler = new Settler(
        {
          env: this.#host.env,
          namespace: () => this.#host.definition()?.namespace ?? null,
          name: () => this.#host.definition()?.name ?? '',
          room: () => this.room(),
          isBusy: () => this.#inFlight > 0 || this.#pending.length > 0,
          waitUntil: (work) => this.#host.waitUntil(work),
        },
        source,
      );
      this.#settlers.set(key, settler);
    }
    return settler;
  }
}

function batchMax({ format, batch_messages: max }: SubscriptionDefinition['config']): number {
  return BATCH_FORMATS.includes(format) ? max : 1;
}

/** Whether the lease of a message lasts as long as a request may take. */
function lastsFor(
  { reply_timeout_ms: timeoutMs }: SubscriptionDefinition['config'],
  { expiresAtMs }: PushMessage,
  nowMs: number,
): boolean {
  return expiresAtMs - nowMs >= timeoutMs + LEASE_LEFT_MS;
}

const keyOf = ({ name, id }: PushSource): string => `${name}#${id}`;
