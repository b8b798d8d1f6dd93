/**
 * Pusher: takes messages of a backlog, pushes them as the definition of its subscription allows, and says what became of them. It
 * keeps the breaker and the pace.
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
import {
  failureOf,
  isAbsent,
  judgePush,
  type PushFailure,
  type PushVerdict,
} from '../../core/subscription/push-verdict.ts';
import { batchMax, isInOrder, type SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Attempt } from '../../protocol/schemas/subscriptions.ts';
import type { PushRoom, PushState } from '../rpc/subscription.ts';
import { HELD_BYTES_MAX, type Backlog } from './backlog.ts';
import type { RequestFacts } from './deliver.ts';
import { requestIdOf, type PushMessage } from './push-message.ts';
import type { PushOutcome } from './send-push.ts';

/** Before a queue offers messages again that does not know yet that nothing is pushed, in ms: each offer is two commits. */
const STOPPED_MS = 1_000;

export interface PusherHost {
  now(): number;
  definition(): SubscriptionDefinition | null;
  /** What the definition takes messages from. */
  backlog(): Backlog;
  /** Makes one request. It may reject. */
  deliver(
    definition: SubscriptionDefinition,
    messages: readonly PushMessage[],
    facts: RequestFacts,
  ): Promise<PushOutcome>;
  note(attempt: Attempt): void;
  /** The endpoint wants nothing any more. */
  gone(): void;
  waitUntil(work: Promise<unknown>): void;
}

export class Pusher {
  readonly #host: PusherHost;
  #inFlight = 0;
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
  /** When the timer ends that waits for a batch to be old enough, or for the next attempt of a message, in ms. */
  #timedMs = Infinity;

  constructor(host: PusherHost) {
    this.#host = host;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** What it takes from now on. */
  room(): PushRoom {
    const nowMs = this.#host.now();
    const { phase } = this.#breaker;
    const untilMs = this.#idleUntil(nowMs);
    const definition = this.#host.definition();
    const config = definition?.config;
    const paced = config && { ...config, batch_messages: batchMax(config) };
    const window = paced ? pushWindow(paced, this.#requestMs) : null;
    const max = this.#host.backlog().heldBytes > HELD_BYTES_MAX ? 0 : phase === 'closed' ? window : 1;
    const number = ++this.#roomNumber;
    return { life: this.#life, number, untilMs: untilMs > nowMs ? untilMs : 0, max };
  }

  /** Returns false if it takes nothing now. */
  wants(): boolean {
    const nowMs = this.#host.now();
    if (this.#idleUntil(nowMs) > nowMs) return false;
    this.#breaker = wake(this.#breaker, nowMs);
    return this.#breaker.phase === 'closed' || this.#host.backlog().held === 0;
  }

  /** The definition has changed. */
  configure({ pauseReason }: SubscriptionDefinition, isResumed: boolean): void {
    this.#isStopped = pauseReason !== null;
    if (isResumed) this.#breaker = CLOSED;
    if (this.#isStopped) this.#host.backlog().rest(null);
    else this.pump();
  }

  /** Gives back what is not on its way: the source changes. */
  giveBack(): void {
    this.#host.backlog().rest(null);
  }

  /** Gives back what is not on its way, and waits until the source knows. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const backlog = this.#host.backlog();
    backlog.rest(null);
    await backlog.done();
  }

  describe(): PushState {
    const { phase, untilMs, failures } = this.#breaker;
    return {
      in_flight: this.#inFlight,
      held: this.#host.backlog().held,
      filtered: this.#host.backlog().filtered,
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

  /** Makes as many requests as it may. */
  pump(): void {
    for (;;) {
      const definition = this.#host.definition();
      const nowMs = this.#host.now();
      if (definition === null) return;
      const backlog = this.#host.backlog();
      const untilMs = this.#idleUntil(nowMs);
      if (untilMs > nowMs) return backlog.rest(this.#isStopped ? null : untilMs);
      this.#breaker = wake(this.#breaker, nowMs);
      const isProbe = this.#breaker.phase !== 'closed';
      const config = isProbe ? { ...definition.config, batch_messages: 1 } : definition.config;
      if (this.#inFlight >= (isProbe ? 1 : config.concurrency)) return;
      const next = backlog.next(config, nowMs);
      if (next === null) return;
      if ('waitMs' in next) return this.#pumpAt(nowMs + next.waitMs);
      this.#inFlight += 1;
      this.#host.waitUntil(this.#push(definition, backlog, next));
    }
  }

  #pumpAt(atMs: number): void {
    if (this.#timedMs <= atMs) return;
    this.#timedMs = atMs;
    setTimeout(() => {
      if (this.#timedMs !== atMs) return; // an earlier one was set since
      this.#timedMs = Infinity;
      this.pump();
    }, atMs - this.#host.now());
  }

  /** Never rejects. */
  async #push(definition: SubscriptionDefinition, backlog: Backlog, batch: PushMessage[]): Promise<void> {
    const { waitMs, pace } = takeTurn(this.#pace, definition.config.rate_per_s, this.#host.now());
    this.#pace = pace;
    if (waitMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      if (!this.#mayStillPush(definition, backlog, batch)) {
        this.#inFlight -= 1;
        backlog.release(batch);
        return this.pump();
      }
    }
    const isProbe = this.#breaker.phase === 'probing';
    const id = requestIdOf(batch);
    const attempt = batch[0]!.attempt;
    const sentMs = this.#host.now();
    let outcome: PushOutcome;
    try {
      outcome = await this.#host.deliver(definition, batch, { id, attempt });
    } catch (error) {
      outcome = { error: `the request could not be made: ${String(error)}`, reply: null };
    }
    this.#inFlight -= 1;
    const verdict = judgePush(outcome);
    const isReleased = this.#apply(verdict, backlog, batch, outcome, isProbe);
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
    this.pump();
  }

  /** A request has waited for its turn: it was paused, the endpoint failed, or leases have almost ended meanwhile. */
  #mayStillPush(
    { config }: SubscriptionDefinition,
    backlog: Backlog,
    batch: readonly PushMessage[],
  ): boolean {
    const nowMs = this.#host.now();
    if (this.#isStopped || this.#breaker.untilMs > nowMs) return false;
    return backlog.mayStillPush(config, batch, nowMs);
  }

  /** @returns whether the messages went back without an attempt that counts */
  #apply(
    verdict: PushVerdict,
    backlog: Backlog,
    batch: PushMessage[],
    outcome: PushOutcome,
    isProbe: boolean,
  ): boolean {
    const nowMs = this.#host.now();
    const config = this.#host.definition()?.config;
    const isLost = isAbsent(outcome) && config !== undefined && isInOrder(config);
    if (verdict.kind === 'accepted') {
      this.#breaker = noteAccepted(this.#breaker);
      this.#lastError = null;
      this.#counters.pushed += batch.length;
      backlog.settle(batch);
      return false;
    }
    this.#lastError = verdict.error;
    const failed = outcome.worker?.retried.length ?? batch.length;
    this.#counters.failed += failed;
    this.#counters.pushed += batch.length - failed;
    if (verdict.kind === 'later') this.#breaker = noteLater(this.#breaker, verdict.delayMs, nowMs);
    if (verdict.kind === 'failed') {
      if (verdict.isDown) this.#breaker = noteFailed(this.#breaker, batch[0]!.id, nowMs, isLost);
      else this.#breaker = noteAccepted(this.#breaker); // it answers, and what it refuses is the message
    }
    if (verdict.kind === 'gone' && !this.#isStopped) {
      this.#isStopped = true;
      this.#host.gone();
    }
    const isReleased = verdict.kind !== 'failed' || (isProbe && verdict.isDown);
    if (isReleased) backlog.release(batch);
    else this.#fail(failureOf(verdict, outcome), backlog, batch, outcome);
    return isReleased;
  }

  /** A Worker may have accepted some of the messages, and may say when it wants the others. */
  #fail(failure: PushFailure, backlog: Backlog, batch: PushMessage[], { worker }: PushOutcome): void {
    if (!worker) return backlog.fail(batch, failure);
    const retried = new Set(worker.retried.map(({ index }) => index));
    const accepted = batch.filter((_, index) => !retried.has(index));
    if (accepted.length > 0) backlog.settle(accepted);
    for (const [delayMs, some] of Map.groupBy(worker.retried, (one) => one.delayMs)) {
      const messages = some.map(({ index }) => batch[index]!);
      backlog.fail(messages, { ...failure, delayMs });
    }
  }
}
