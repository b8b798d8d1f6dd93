/** SDK consumer: a consumer of an AMQP client, over the consumer of the SDK. */

import { DELIVER_MESSAGES_MAX } from '../../protocol/limits.ts';
import { forgetBody } from '../../sdk/claims/open-body.ts';
import type { Queue } from '../../sdk/admin/queue-types.ts';
import { Consumer } from '../../sdk/consumer/consumer.ts';
import type { ReceivedMessage } from '../../sdk/consumer/received-message.ts';
import type { ConsumerListener, ConsumeSpec, PortConsumer } from '../../wire/amqp/broker-port.ts';
import type { BrokerClient } from './connection/broker-clients.ts';
import { deliveryOf } from './deliveries.ts';
import type { ListedConsumer } from './queues/queue-consumers.ts';

export interface SdkConsumerHost {
  readonly client: BrokerClient;
  /** A message is given back: resolves when the broker has stored that. */
  returning(queue: string, stored: Promise<void>): void;
  /** Resolves when the client has read what was sent; undefined if nothing much waits. */
  drained(): Promise<void> | undefined;
  /** It takes nothing any more. */
  left(consumer: SdkConsumer, queue: Queue): void;
}

/** The broker's shortest lease, in ms: the SDK extends it well before its end. */
const LEASE_MS_MIN = 500;

/** How long acknowledgements wait for others, in ms: AMQP clients send each by itself, and each request of ours is rows. */
export const SETTLE_LINGER_MS = 20;

/** How long a client waits for a stream to be open, in ms: a consumer goes on trying behind its back, or polls. */
const OPEN_MS_MAX = 1_000;

/** A client that may hold more is not kept waiting if all that it holds is acknowledged together. */
const SMALL_PREFETCH = 128;

export class SdkConsumer implements PortConsumer, ListedConsumer {
  readonly isExclusive: boolean;
  readonly #host: SdkConsumerHost;
  readonly #spec: ConsumeSpec;
  readonly #listener: ConsumerListener;
  #queue: Queue | null = null;
  #consumer: Consumer | null = null;
  #prefetch: number;
  #isStopped = false;
  /** The client knows of it, and takes deliveries. */
  #isBegun = false;
  readonly #begun = Promise.withResolvers<void>();
  /** The broker has ended it before the client knew of it. */
  #isEnded = false;
  /** Its acknowledgements go with no wave any more. */
  #detach: () => void = () => {};

  constructor(host: SdkConsumerHost, spec: ConsumeSpec, listener: ConsumerListener) {
    this.#host = host;
    this.#spec = spec;
    this.#listener = listener;
    this.isExclusive = spec.exclusive;
    this.#prefetch = heldOf(spec.prefetch);
  }

  /**
   * Has the queue know of it, so that what is published from then on can come to it at once. Deliveries wait until it starts.
   * @param queue as the broker has it
   */
  async open(queue: Queue): Promise<void> {
    this.#queue = queue;
    const { transport, queues } = this.#host.client;
    if (this.#isStopped) return;
    const opened = Promise.withResolvers<void>();
    this.#consumer = new Consumer(transport, queues, this.#spec.queue, (message) => this.#handle(message), {
      prefetch: this.#prefetch,
      // In the order of the queue. A handler ends at once, unless the client reads too slowly.
      concurrency: 1,
      settle: 'manual',
      // Nobody waits for the outcome. A client that holds half of the little that it may hold is not kept waiting for more.
      settleLingerMs: SETTLE_LINGER_MS,
      settleBatch: this.#prefetch > SMALL_PREFETCH ? this.#prefetch : Math.ceil(this.#prefetch / 2),
      leaseMs: Math.max(this.#queue!.leaseMs, LEASE_MS_MIN),
      ...(this.#spec.priority !== 0 && { priority: this.#spec.priority }),
      onOpen: opened.resolve,
    });
    this.#detach = this.#host.client.flushWithPublishes(this.#spec.queue, () => this.#consumer!.hurry());
    this.#consumer.done.catch(() => {
      opened.resolve();
      this.end();
    });
    const late = setTimeout(opened.resolve, OPEN_MS_MAX);
    await opened.promise;
    clearTimeout(late);
  }

  /** Not in this turn: clients take what comes with `basic.consume-ok` before the caller has its answer. */
  start(): void {
    setTimeout(() => {
      this.#isBegun = true;
      this.#begun.resolve();
      if (this.#isEnded) this.end();
    });
  }

  setPrefetch(prefetch: number): void {
    const held = heldOf(prefetch);
    if (held === this.#prefetch || this.#isStopped) return;
    this.#prefetch = held;
    this.#consumer?.setPrefetch(held);
  }

  cancel(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#begun.resolve(); // what has come goes back
    this.#detach();
    this.#consumer?.stop().catch(() => {});
    if (this.#queue !== null) this.#host.left(this, this.#queue);
  }

  /** The queue is gone, or the broker has ended the consumer. */
  end(): void {
    if (this.#isStopped) return;
    this.#isEnded = true;
    if (!this.#isBegun) return;
    this.cancel();
    this.#listener.cancelled();
  }

  #handle(message: ReceivedMessage): Promise<void> | undefined {
    if (!this.#isBegun && !this.#isStopped) return this.#begun.promise.then(() => this.#handle(message));
    // Another consumer of the channel may have the same tag by now.
    if (this.#isStopped) return void message.release();
    const { queue } = this.#spec;
    const returning = (stored: Promise<void>): void => this.#host.returning(queue, stored);
    this.#listener.deliver(deliveryOf(message, this.#queue!, returning));
    forgetBody(message, 'body');
    return this.#host.drained();
  }
}

/** What the broker allows a consumer to hold, of an AMQP prefetch. */
function heldOf(prefetch: number): number {
  return prefetch === 0 ? DELIVER_MESSAGES_MAX : Math.min(prefetch, DELIVER_MESSAGES_MAX);
}
