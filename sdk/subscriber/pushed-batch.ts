/** Pushed batch: the messages of one push to a Worker, settled one by one or all together. */

import type { PushBatch, PushBatchReply } from '../../protocol/push-batch.ts';
import { checked, PushedMessage, type RetryOptions, type Settlement } from './pushed-message.ts';

export class PushedBatch {
  /** Of the subscription. Every namespace of a broker may push to the Workers that the broker is bound to. */
  readonly namespace: string;
  readonly subscription: string;
  /** Where the messages come from. */
  readonly source: { readonly queue: string } | { readonly topic: string };
  /** A test delivery (`posthorn subscriptions test`): its message comes from no queue, and is settled nowhere. */
  readonly isTest: boolean;
  readonly messages: readonly PushedMessage[];
  #forAll: Settlement | undefined;

  /** Made by `subscriber`. */
  constructor({ namespace, subscription, source, is_test: isTest, messages }: PushBatch) {
    this.namespace = namespace;
    this.subscription = subscription;
    this.source = source;
    this.isTest = isTest;
    this.messages = messages.map((message) => new PushedMessage(message));
  }

  /** All messages are done, but for those that are settled already. The first of `ackAll` and `retryAll` counts. */
  ackAll(): void {
    this.#forAll ??= { kind: 'ack' };
  }

  /** All messages are tried again, but for those that are settled already. */
  retryAll(options: RetryOptions = {}): void {
    this.#forAll ??= { kind: 'retry', ...checked(options) };
  }

  /**
   * For `subscriber`: what the broker is told.
   * @param thrown what the handler has thrown: then messages of which nothing was said are tried again
   */
  reply(thrown?: { readonly error: unknown }): PushBatchReply {
    const silent: Settlement = thrown ? { kind: 'retry' } : { kind: 'ack' };
    const retry = this.messages.flatMap(({ settlement = this.#forAll ?? silent }, index) => {
      if (settlement.kind === 'ack') return [];
      return [{ index, ...(settlement.delayMs !== undefined && { delay_ms: settlement.delayMs }) }];
    });
    return { retry, ...(thrown && { error: wordsOf(thrown.error) }) };
  }
}

/** A call between Workers may carry as much, and a list of attempts shows less. */
const STACK_LENGTH_MAX = 8_192;

function wordsOf(error: unknown): { message: string; stack?: string } {
  if (!(error instanceof Error)) return { message: String(error).slice(0, STACK_LENGTH_MAX) };
  const { name, message, stack } = error;
  const named = `${name}: ${message}`.slice(0, STACK_LENGTH_MAX);
  return { message: named, ...(stack !== undefined && { stack: stack.slice(0, STACK_LENGTH_MAX) }) };
}
