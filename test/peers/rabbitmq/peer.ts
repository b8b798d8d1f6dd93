/** Sends routing cases through a real RabbitMQ and reports which queues got each message. */

import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import type { BindingDeclaration } from '../../../core/exchange/binding.ts';
import { QUEUE_NAMES, type RoutingAnswer, type RoutingCase } from '../../core/exchange/routing-case.ts';

/** Marks the end of a case in a queue: it comes after all that was routed before it. */
const END = 'end';

export class RoutingPeer {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  /** Per message number, while a case runs. */
  #received: RoutingAnswer = [];
  #returned = new Set<number>();
  #queuesAtEnd = 0;
  #caseNumber = 0;
  #onEnd: () => void = () => {};

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
  }

  static async connect(url: string): Promise<RoutingPeer> {
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    const peer = new RoutingPeer(connection, channel);
    channel.on('return', ({ properties }) => peer.#returned.add(Number(properties.messageId)));
    for (const queue of QUEUE_NAMES) {
      await channel.assertQueue(queue, { exclusive: true });
      await channel.consume(queue, (message) => peer.#take(queue, message!.properties.messageId), {
        noAck: true,
      });
    }
    return peer;
  }

  async answer(routingCase: RoutingCase): Promise<RoutingAnswer> {
    const { exchanges, bindings, unbound } = routingCase;
    this.#caseNumber++;
    await Promise.all(
      exchanges.map(({ name, type, internal, alternate_exchange }) =>
        this.#channel.assertExchange(this.#own(name), type, {
          internal,
          durable: false,
          ...(alternate_exchange === null ? {} : { alternateExchange: this.#own(alternate_exchange) }),
        }),
      ),
    );
    for (const binding of bindings) await this.#bind(binding);
    const removed = new Set(unbound);
    for (const number of removed) await this.#unbind(bindings[number]!);
    const answer = await this.#publish(routingCase);
    // Deleting an exchange takes its bindings along, but the predeclared ones stay.
    for (const binding of bindings) if (binding.source.startsWith('amq.')) await this.#unbind(binding);
    for (const { name } of exchanges) await this.#channel.deleteExchange(this.#own(name));
    return answer;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #publish({ messages }: RoutingCase): Promise<RoutingAnswer> {
    this.#received = messages.map(() => []);
    this.#returned = new Set();
    this.#queuesAtEnd = 0;
    const ended = new Promise<void>((resolve) => (this.#onEnd = resolve));
    messages.forEach(({ exchange, routingKey, headers }, number) => {
      const options = { mandatory: true, messageId: String(number), headers };
      this.#channel.publish(this.#own(exchange), routingKey, Buffer.alloc(0), options);
    });
    for (const queue of QUEUE_NAMES) this.#channel.sendToQueue(queue, Buffer.alloc(0), { messageId: END });
    await this.#channel.waitForConfirms();
    await ended;
    this.#received.forEach((queues, number) => {
      queues.sort();
      if (this.#returned.has(number) !== (queues.length === 0)) {
        throw new Error(`message ${number} was ${queues.length === 0 ? 'lost' : 'returned and delivered'}`);
      }
    });
    return this.#received;
  }

  #take(queue: string, messageId: string): void {
    if (messageId !== END) this.#received[Number(messageId)]!.push(queue);
    else if (++this.#queuesAtEnd === QUEUE_NAMES.length) this.#onEnd();
  }

  async #bind({ source, destination: { kind, name }, routing_key, arguments: args }: BindingDeclaration) {
    if (kind === 'queue') await this.#channel.bindQueue(name, this.#own(source), routing_key, args);
    else await this.#channel.bindExchange(this.#own(name), this.#own(source), routing_key, args);
  }

  async #unbind({ source, destination: { kind, name }, routing_key, arguments: args }: BindingDeclaration) {
    if (kind === 'queue') await this.#channel.unbindQueue(name, this.#own(source), routing_key, args);
    else await this.#channel.unbindExchange(this.#own(name), this.#own(source), routing_key, args);
  }

  /** Exchanges of different cases have different names, so that nothing is left from the one before. */
  #own(exchange: string): string {
    return exchange === '' || exchange.startsWith('amq.') ? exchange : `${this.#caseNumber}.${exchange}`;
  }
}
