/** The queue of a scenario in a real RabbitMQ. */

import type { ChannelModel, ConfirmChannel, GetMessage } from 'amqplib';
import type { Consumer, MessageSettings, QueueSettings } from './queue-generate.ts';
import type { DeadLetter, QueueSide, Settling, Taken } from './queue-side.ts';

/** How long dead letters may take that are still on their way, and how long none must come to be sure. */
const DEAD_LETTERS_MS_MAX = 3_000;
const QUIET_MS = 40;

export class RabbitmqQueue implements QueueSide {
  readonly #connection: ChannelModel;
  readonly #queue: string;
  readonly #channels = new Map<Consumer, ConfirmChannel>();
  readonly #held: Record<Consumer, GetMessage[]> = { a: [], b: [] };
  #isQuorum = false;
  /** The channel that spoke last: only with it a count comes after what it asked for. */
  #last!: ConfirmChannel;

  constructor(connection: ChannelModel, queue: string) {
    this.#connection = connection;
    this.#queue = queue;
  }

  async declare(settings: QueueSettings): Promise<void> {
    const { isQuorum, maxPriority, maxLength, overflow, messageTtlMs, deliveryLimit } = settings;
    this.#isQuorum = isQuorum;
    const channel = await this.#channel('a');
    await channel.assertQueue(this.#deadLetterQueue, { durable: false });
    await channel.assertQueue(this.#queue, {
      durable: isQuorum,
      arguments: {
        'x-queue-type': isQuorum ? 'quorum' : 'classic',
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': this.#deadLetterQueue,
        ...(maxPriority > 0 && { 'x-max-priority': maxPriority }),
        ...(maxLength !== null && { 'x-max-length': maxLength, 'x-overflow': overflow }),
        ...(messageTtlMs !== null && { 'x-message-ttl': messageTtlMs }),
        ...(deliveryLimit !== null && { 'x-delivery-limit': deliveryLimit }),
      },
    });
  }

  async publish(firstId: number, messages: readonly MessageSettings[]): Promise<boolean[]> {
    const channel = await this.#channel('a');
    const confirmed = messages.map(
      ({ priority, expirationMs }, place) =>
        new Promise<boolean>((resolve) => {
          const options = {
            messageId: String(firstId + place),
            ...(priority !== undefined && { priority }),
            ...(expirationMs !== undefined && { expiration: String(expirationMs) }),
          };
          channel.sendToQueue(this.#queue, Buffer.alloc(0), options, (error: unknown) => resolve(!error));
        }),
    );
    return await Promise.all(confirmed);
  }

  async get(by: Consumer, max: number): Promise<Taken[]> {
    const channel = await this.#channel(by);
    const taken: Taken[] = [];
    while (taken.length < max) {
      const message = await channel.get(this.#queue);
      if (!message) break;
      this.#held[by].push(message);
      taken.push(this.#takenOf(message));
    }
    return taken;
  }

  async settle(by: Consumer, places: readonly number[], how: Settling): Promise<void> {
    const channel = await this.#channel(by);
    for (const place of places) {
      const message = this.#held[by][place]!;
      if (how === 'ack') channel.ack(message);
      else if (how === 'reject') channel.reject(message, false);
      else channel.nack(message, false, true);
    }
    this.#held[by] = this.#held[by].filter((_, place) => !places.includes(place));
    // A call that is answered: what another channel does comes after it.
    await channel.checkQueue(this.#queue);
  }

  async leave(by: Consumer): Promise<void> {
    const channel = await this.#channel(by);
    await channel.close();
    this.#channels.delete(by);
    this.#held[by] = [];
  }

  async purge(): Promise<number> {
    return (await (await this.#channel('a')).purgeQueue(this.#queue)).messageCount;
  }

  held(by: Consumer): number {
    return this.#held[by].length;
  }

  async ready(): Promise<number | null> {
    if (this.#isQuorum) return null;
    const channel = this.#last === this.#channels.get('b') ? 'b' : 'a';
    return (await (await this.#channel(channel)).checkQueue(this.#queue)).messageCount;
  }

  async deadLetters(expected: number | null): Promise<DeadLetter[]> {
    const channel = await this.#channel('a');
    const dead: DeadLetter[] = [];
    const deadline = Date.now() + DEAD_LETTERS_MS_MAX;
    let quietSince = Date.now();
    while (Date.now() < deadline) {
      const message = await channel.get(this.#deadLetterQueue, { noAck: true });
      if (message) {
        dead.push(this.#deadLetterOf(message));
        quietSince = Date.now();
      } else if (dead.length >= (expected ?? 0) && Date.now() - quietSince >= QUIET_MS) break;
      else await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return dead;
  }

  async remove(): Promise<void> {
    const channel = await this.#channel('a');
    await channel.deleteQueue(this.#queue);
    await channel.deleteQueue(this.#deadLetterQueue);
    for (const open of this.#channels.values()) await open.close();
  }

  get #deadLetterQueue(): string {
    return `${this.#queue}.dlq`;
  }

  async #channel(by: Consumer): Promise<ConfirmChannel> {
    let channel = this.#channels.get(by);
    if (!channel) {
      channel = await this.#connection.createConfirmChannel();
      this.#channels.set(by, channel);
    }
    this.#last = channel;
    return channel;
  }

  #takenOf({ fields, properties }: GetMessage): Taken {
    const returns = Number(properties.headers?.['x-delivery-count'] ?? 0);
    return {
      id: Number(properties.messageId),
      redelivered: fields.redelivered,
      priority: (properties.priority as number | undefined) ?? null,
      deliveryCount: this.#isQuorum ? returns + 1 : null,
    };
  }

  #deadLetterOf(message: GetMessage): DeadLetter {
    const [death] = (message.properties.headers?.['x-death'] ?? []) as { reason: string; queue: string }[];
    return {
      ...this.#takenOf(message),
      deliveryCount: null,
      reason: death?.reason ?? 'none',
      queue: death?.queue ?? 'none',
      hasExpiration: message.properties.expiration !== undefined,
    };
  }
}
