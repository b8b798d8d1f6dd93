/** Channel consumer: one consumer of a channel, between the broker and the client. */

import type { ConsumerListener, Delivery, PortConsumer } from '../../broker-port.ts';
import type { Counted } from './channel-prefetch.ts';
import type { DeliveryState } from './delivery-state.ts';

export class ChannelConsumer implements ConsumerListener, Counted {
  readonly #state: DeliveryState;
  readonly #tag: string;
  readonly #noAck: boolean;
  /** Of this consumer alone; 0: no limit. */
  readonly #own: number;
  /** What the limit of the channel leaves it. */
  #shared: number;
  /** What the broker was asked for when it began. */
  readonly #asked: number;
  #port: PortConsumer | null = null;

  constructor(state: DeliveryState, tag: string, noAck: boolean) {
    this.#state = state;
    this.#tag = tag;
    this.#noAck = noAck;
    this.#own = noAck ? 0 : state.prefetch;
    this.#shared = state.channelPrefetch.begin(this);
    this.#asked = this.prefetch;
  }

  /** Unsettled deliveries at most; 0: as many as the broker gives. */
  get prefetch(): number {
    if (this.#own === 0 || this.#shared === 0) return Math.max(this.#own, this.#shared);
    return Math.min(this.#own, this.#shared);
  }

  begin(port: PortConsumer): void {
    this.#port = port;
    if (this.prefetch !== this.#asked) port.setPrefetch(this.prefetch); // it has changed meanwhile
    port.start();
  }

  cancel(): void {
    this.#port?.cancel();
    this.#state.channelPrefetch.end(this);
  }

  setPrefetch(prefetch: number): void {
    const before = this.prefetch;
    this.#shared = prefetch;
    if (this.prefetch !== before) this.#port?.setPrefetch(this.prefetch);
  }

  deliver(delivery: Delivery): void {
    const { isOver, channelPrefetch } = this.#state;
    if (isOver || !this.#isListed) return delivery.settle('requeue');
    // Without acks it uses up nothing of a limit, but waits as long as others have.
    const isFree = this.#noAck && channelPrefetch.isUnlimited;
    return isFree ? this.hand(delivery) : channelPrefetch.deliver(this, delivery);
  }

  hand(delivery: Delivery): void {
    const { host, unsettled } = this.#state;
    const deliveryTag = this.#noAck ? unsettled.tagSettled() : unsettled.add(delivery);
    const fields = { consumerTag: this.#tag, deliveryTag, ...routeOf(delivery) };
    host.sendContent('basic.deliver', fields, delivery);
    if (this.#noAck) delivery.settle('ack');
  }

  /** The broker has ended it. */
  cancelled(): void {
    const { host, consumers, isOver, channelPrefetch } = this.#state;
    channelPrefetch.end(this);
    if (!this.#isListed) return;
    consumers.delete(this.#tag);
    if (!isOver && host.takesCancels) {
      host.send('basic.cancel', { consumerTag: this.#tag, noWait: true });
    }
  }

  /** Another consumer may have the tag by now. */
  get #isListed(): boolean {
    return this.#state.consumers.get(this.#tag)?.running === this;
  }
}

export const routeOf = ({ redelivered, exchange, routingKey }: Delivery) => ({
  redelivered,
  exchange,
  routingKey,
});
