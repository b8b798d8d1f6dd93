/**
 * Queue backlog: messages that a queue has leased to a subscription. They are in memory only: what is lost with the object comes
 * back when its lease ends.
 */

import type { PushFailure } from '../../../core/subscription/push-verdict.ts';
import { batchMax, type SubscriptionConfig } from '../../../core/topology/subscriptions.ts';
import type { PushRoom, PushSource } from '../../rpc/subscription.ts';
import type { Env } from '../../env.ts';
import { REQUEST_BYTES_MAX, type Backlog, type Wanted } from '../backlog.ts';
import type { QueueMessage } from './queue-messages.ts';
import { Settler, type PushSettlement } from './settler.ts';

/** What a lease must still last beyond the timeout of a request: else its messages go back unpushed. */
const LEASE_LEFT_MS = 2_000;

export interface QueueBacklogHost {
  readonly env: Env;
  namespace(): string | null;
  name(): string;
  room(): PushRoom;
  wanted(): Wanted;
  /** Requests are under way. */
  isPushing(): boolean;
  waitUntil(work: Promise<unknown>): void;
}

export class QueueBacklog implements Backlog<QueueMessage> {
  readonly #host: QueueBacklogHost;
  readonly #settlers = new Map<string, Settler>();
  #pending: QueueMessage[] = [];
  held = 0;
  heldBytes = 0;
  filtered = 0;

  constructor(host: QueueBacklogHost) {
    this.#host = host;
  }

  add(messages: readonly QueueMessage[]): void {
    const wanted = this.#host.wanted();
    const [pushed = [], passed = []] = [true, false].map((isPushed) =>
      messages.filter(({ record }) => wanted(record) === isPushed),
    );
    this.#pending.push(...pushed);
    this.filtered += passed.length;
    this.held += messages.length;
    for (const { bytes, source } of messages) {
      this.heldBytes += bytes;
      this.#settlers.get(keyOf(source))?.learn(source);
    }
    if (passed.length > 0) this.settle(passed);
  }

  next(config: SubscriptionConfig, nowMs: number): QueueMessage[] | { waitMs: number } | null {
    for (;;) {
      if (this.#pending.length === 0) return null;
      const waitMs = this.#waitMs(config, nowMs);
      if (waitMs > 0) return { waitMs };
      const batch = this.#takeBatch(config, nowMs);
      if (batch.length > 0) return batch;
    }
  }

  mayStillPush(config: SubscriptionConfig, messages: readonly QueueMessage[], nowMs: number): boolean {
    return messages.every((message) => lastsFor(config, message, nowMs));
  }

  settle(messages: readonly QueueMessage[]): void {
    this.#settleAll('ack', messages);
  }

  release(messages: readonly QueueMessage[]): void {
    this.#settleAll('release', messages);
  }

  fail(messages: readonly QueueMessage[], { error, delayMs }: PushFailure): void {
    const details = { error, ...(delayMs !== null && { delayMs }) };
    this.#tell(messages, (own) => ({ kind: 'nack', nacked: own.map(({ tag }) => ({ tag, ...details })) }));
  }

  /** The queue keeps the time: it offers them again. */
  rest(): void {
    const messages = this.#pending;
    this.#pending = [];
    if (messages.length > 0) this.release(messages);
  }

  async done(): Promise<void> {
    await Promise.all([...this.#settlers.values()].map((settler) => settler.done()));
  }

  /** How long the next request waits for more messages. */
  #waitMs(config: SubscriptionConfig, nowMs: number): number {
    if (config.batch_wait_ms === 0 || this.#pending.length >= batchMax(config)) return 0;
    if (isAlone(this.#pending[0]!)) return 0;
    return this.#pending[0]!.arrivedMs + config.batch_wait_ms - nowMs;
  }

  #takeBatch(config: SubscriptionConfig, nowMs: number): QueueMessage[] {
    const batch: QueueMessage[] = [];
    let bytes = 0;
    while (batch.length < batchMax(config) && this.#pending.length > 0) {
      const next = this.#pending[0]!;
      if (next.source.id !== (batch[0] ?? next).source.id) break;
      if (batch.length > 0 && (isAlone(next) || bytes + next.bytes > REQUEST_BYTES_MAX)) break;
      this.#pending.shift();
      if (!lastsFor(config, next, nowMs)) {
        this.release([next]);
        continue;
      }
      bytes += next.bytes;
      batch.push(next);
      if (isAlone(next)) break;
    }
    return batch;
  }

  #settleAll(kind: 'ack' | 'release', messages: readonly QueueMessage[]): void {
    this.#tell(messages, (own) => ({ kind, tags: own.map(({ tag }) => tag) }));
  }

  #tell(
    messages: readonly QueueMessage[],
    settlementOf: (own: readonly QueueMessage[]) => PushSettlement,
  ): void {
    this.held -= messages.length;
    for (const { bytes } of messages) this.heldBytes -= bytes;
    for (const [settler, own] of Map.groupBy(messages, ({ source }) => this.#settlerOf(source)))
      settler.settle(settlementOf(own));
  }

  #settlerOf(source: PushSource): Settler {
    const key = keyOf(source);
    let settler = this.#settlers.get(key);
    if (!settler) {
      const isBusy = (): boolean => this.#host.isPushing() || this.#pending.length > 0;
      settler = new Settler({ ...this.#host, isBusy }, source);
      this.#settlers.set(key, settler);
    }
    return settler;
  }
}

/** What has failed is pushed alone, so that a message that is always refused takes no others to the dead letters. */
const isAlone = ({ attempt }: QueueMessage): boolean => attempt > 1;

/** Whether the lease of a message lasts as long as a request may take. */
function lastsFor(
  { reply_timeout_ms: timeoutMs }: SubscriptionConfig,
  { expiresAtMs }: QueueMessage,
  nowMs: number,
): boolean {
  return expiresAtMs - nowMs >= timeoutMs + LEASE_LEFT_MS;
}

const keyOf = ({ name, id }: PushSource): string => `${name}#${id}`;
