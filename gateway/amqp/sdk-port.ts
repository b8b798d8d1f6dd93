/** SDK port: the broker of one AMQP connection, over the SDK. */

import { KEPT_ID_END } from '../../protocol/schemas/deliveries.ts';
import { isWideName, WIDE_NAME_RULE } from '../../protocol/names/name-rule.ts';
import type { Queue, QueueDeclaration } from '../../sdk/admin/queue-types.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import type { ExchangeSpec } from '../../wire/amqp/arguments/exchange-arguments.ts';
import type {
  BindingSpec,
  BrokerPort,
  ConsumerListener,
  ConsumeSpec,
  Delivery,
  Done,
  PortConsumer,
  PublishedMessage,
  PublishOutcome,
  QueueCounts,
  QueueSpec,
} from '../../wire/amqp/broker-port.ts';
import { isPortError, portError, type PortError } from '../../wire/amqp/reply-codes.ts';
import { argumentsOf } from './binding-arguments.ts';
import type { BrokerClient } from './connection/broker-clients.ts';
import type { PublishLine } from './blocked-publishes.ts';
import { answer, outcomeOf, unless } from './broker-errors.ts';
import { deliveryOf } from './deliveries.ts';
import type { ExclusiveQueues } from './queues/exclusive-queues.ts';
import { GotMessages } from './got-messages.ts';
import { outgoingOf } from './messages.ts';
import type { QueueConsumers } from './queues/queue-consumers.ts';
import { differenceOf, queueDeclarationOf } from './queues/queue-declaration.ts';
import { QueueKeepers } from './queues/queue-keepers.ts';
import type { QueueEndings } from './queues/queue-endings.ts';
import { SdkConsumer } from './sdk-consumer.ts';
import { unbind } from './unbind.ts';

export interface PortSettings {
  client: BrokerClient;
  namespace: string;
  /** As the client wrote it, for texts. */
  virtualHost: string;
  exclusive: ExclusiveQueues;
  consumers: QueueConsumers;
  endings: QueueEndings;
  /** Resolves when the client has read what was sent; undefined if nothing much waits. */
  drained(): Promise<void> | undefined;
  /** Why the broker takes no messages of this connection now; null: it does again. */
  setBlocked: (reason: string | null) => void;
}

/** As base64 without padding. */
const UNIQUE_BYTES = 18;

export class SdkPort implements BrokerPort {
  readonly #client: BrokerClient;
  readonly #settings: PortSettings;
  readonly #keepers: QueueKeepers;
  readonly #got: GotMessages;
  #line: PublishLine;
  /** Exclusive queues of the connection. */
  readonly #own = new Set<string>();
  #isClosed = false;

  constructor(settings: PortSettings) {
    this.#client = settings.client;
    this.#settings = settings;
    const consumerId = this.uniqueName('amqp-') + KEPT_ID_END;
    this.#keepers = new QueueKeepers(settings.client.transport, consumerId);
    this.#line = this.#client.blocked.line(settings.setBlocked);
    this.#got = new GotMessages(settings.client.transport, settings.client.queues, consumerId, this.#keepers);
  }

  /** The connection has ended. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#own) this.#giveUp(queue);
    this.#client.leaving(this.#got.close().then(() => this.#keepers.close()));
    this.#line.close();
  }

  /** An exclusive queue goes with its connection. */
  #giveUp(queue: string): void {
    const { exclusive, namespace, endings } = this.#settings;
    exclusive.release(namespace, queue, this);
    const { queues } = this.#client;
    endings.begin(namespace, queue, () => queues.delete(queue));
  }

  uniqueName(prefix: string): string {
    const bytes = crypto.getRandomValues(new Uint8Array(UNIQUE_BYTES));
    return (
      prefix +
      btoa(String.fromCharCode(...bytes))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
    );
  }

  declareExchange(spec: ExchangeSpec, done: Done<null>): void {
    const { exchange, type, ...rest } = spec;
    if (!isWideName(exchange)) return done(unusable('exchange', exchange));
    answer(done, async () => {
      await this.#client.exchanges.declare(exchange, { type: type as 'direct', ...rest });
      return null;
    });
  }

  checkExchange(exchange: string, done: Done<null>): void {
    if (!isWideName(exchange)) return done(this.#absent('exchange', exchange));
    answer(done, async () => {
      await this.#client.exchanges.get(exchange);
      return null;
    });
  }

  deleteExchange(exchange: string, ifUnused: boolean, done: Done<null>): void {
    if (!isWideName(exchange)) return done(null);
    answer(done, async () => {
      await this.#client.exchanges.delete(exchange, { ifUnused }).catch(unless('exchange_not_found', null));
      return null;
    });
  }

  bind(binding: BindingSpec, done: Done<null>): void {
    const named = this.#namesOf(binding);
    if (isPortError(named)) return done(named);
    const given = argumentsOf(binding.arguments);
    if (isPortError(given)) return done(given);
    const { source, destination, routingKey } = binding;
    answer(done, async () => {
      await this.#ended(destination);
      await this.#client.exchanges.bind(source, destination, { routingKey, arguments: given });
      return null;
    });
  }

  unbind(binding: BindingSpec, done: Done<null>): void {
    const named = this.#namesOf(binding);
    if (isPortError(named)) return done(named);
    const given = argumentsOf(binding.arguments);
    if (isPortError(given)) return done(given);
    answer(done, () => unbind(this.#client.exchanges, binding, given));
  }

  declareQueue(spec: QueueSpec, done: Done<QueueCounts>): void {
    const { queue } = spec;
    if (!isWideName(queue)) return done(unusable('queue', queue));
    const locked = this.#locked(queue);
    if (locked !== null) return done(locked);
    const declaration = queueDeclarationOf(spec);
    if (isPortError(declaration)) return done(declaration);
    const { exclusive, namespace } = this.#settings;
    const declare = (): Promise<QueueCounts | PortError> => this.#declare(spec, declaration);
    answer(done, () => exclusive.inTurn(namespace, queue, declare));
  }

  async #declare(spec: QueueSpec, declaration: QueueDeclaration): Promise<QueueCounts | PortError> {
    const { queue } = spec;
    const { exclusive, namespace } = this.#settings;
    await this.#ended({ queue });
    // Another connection may have made it its own before this one had its turn.
    const locked = this.#locked(queue);
    if (locked !== null) return locked;
    const isOwn = exclusive.isOwn(namespace, queue, this);
    if (spec.exclusive && !isOwn && (await this.#exists(queue))) return this.#lock(queue);
    if (!spec.exclusive && isOwn) return this.#lock(queue);
    try {
      await this.#client.queues.declare(queue, declaration);
    } catch (error) {
      const known = asPosthornError(error);
      if (known.code !== 'queue_differs') throw error;
      const difference = differenceOf(spec, this.#settings.virtualHost, known);
      if (difference !== null) return difference;
    }
    if (spec.exclusive && this.#isClosed) this.#giveUp(queue);
    else if (spec.exclusive) {
      exclusive.claim(namespace, queue, this);
      this.#own.add(queue);
      void this.#keepers.keep(queue, 'queue');
    }
    // One with a short `x-expires` may have gone already.
    return await this.#counts(queue, !spec.exclusive).catch(
      unless('queue_not_found', { messageCount: 0, consumerCount: 0 }),
    );
  }

  checkQueue(queue: string, done: Done<QueueCounts>): void {
    const problem = this.#usable(queue);
    if (problem !== null) return done(problem);
    answer(done, () => this.#counts(queue, !this.#own.has(queue)));
  }

  purgeQueue(queue: string, done: Done<number>): void {
    const problem = this.#usable(queue);
    if (problem !== null) return done(problem);
    answer(done, async () => {
      await this.#returned(queue);
      return await this.#client.queues.purge(queue);
    });
  }

  deleteQueue(
    queue: string,
    { ifUnused, ifEmpty }: { ifUnused: boolean; ifEmpty: boolean },
    done: Done<number>,
  ): void {
    if (!isWideName(queue)) return done(0);
    const locked = this.#locked(queue);
    if (locked !== null) return done(locked);
    answer(done, async () => {
      try {
        const { messageCount } = await this.#counts(queue, false);
        // A message that a client has got and not settled neither uses nor fills a queue of AMQP.
        await this.#client.queues.delete(queue, {
          ifUnused: ifUnused && 'consumers',
          ifEmpty: ifEmpty && 'unleased',
        });
        this.#settings.consumers.endAll(this.#settings.namespace, queue);
        this.#keepers.release(queue);
        if (this.#own.delete(queue)) this.#settings.exclusive.release(this.#settings.namespace, queue, this);
        return messageCount;
      } catch (error) {
        return unless('queue_not_found', 0)(error);
      }
    });
  }

  publish(message: PublishedMessage, done: Done<PublishOutcome>): void {
    const { exchange, routingKey, mandatory } = message;
    const { publisher } = this.#client;
    if (exchange === '' && !isWideName(routingKey)) return done('unroutable');
    if (exchange !== '' && !isWideName(exchange)) return done(this.#absent('exchange', exchange));
    const isToQueue = exchange === '' && message.furtherKeys.length === 0;
    const end = this.#publishLine().begin(
      isToQueue ? { queue: routingKey } : { exchange },
      message.body.length,
    );
    if (end === null) return done('refused');
    const outgoing = outgoingOf(message);
    const published = isToQueue
      ? publisher.sendToQueue(routingKey, outgoing)
      : publisher.publish(exchange, { ...outgoing, routingKey, mandatory });
    published.then(
      () => {
        end(true);
        done('stored');
      },
      (error: unknown) => {
        const outcome = outcomeOf(error);
        end(outcome !== 'refused');
        done(outcome);
      },
    );
  }

  /** Another one after the token has changed. */
  #publishLine(): PublishLine {
    const { blocked } = this.#client;
    if (this.#line.blocked === blocked) return this.#line;
    this.#line.close();
    this.#line = blocked.line(this.#settings.setBlocked);
    return this.#line;
  }

  get(queue: string, done: Done<{ delivery: Delivery; messageCount: number } | null>): void {
    const problem = this.#usable(queue);
    if (problem !== null) return done(problem);
    answer(done, async () => {
      await this.#settings.drained();
      await this.#returned(queue);
      const got = await this.#got.take(queue);
      if (got === null) return null;
      return {
        delivery: deliveryOf(got.message, got.queue, (stored) => this.#returning(queue, stored)),
        messageCount: got.ready,
      };
    });
  }

  consume(spec: ConsumeSpec, listener: ConsumerListener, done: Done<PortConsumer>): void {
    const { queue, exclusive } = spec;
    const problem = this.#usable(queue);
    if (problem !== null) return done(problem);
    const { consumers, namespace } = this.#settings;
    const others = consumers.of(namespace, queue);
    if (others.some(({ isExclusive }) => isExclusive) || (exclusive && others.length > 0)) {
      return done(this.#inUse(queue));
    }
    const drained = this.#settings.drained.bind(this.#settings);
    const host = { client: this.#client, returning: this.#returning, drained, left: this.#left };
    const consumer = new SdkConsumer(host, spec, listener);
    consumers.add(namespace, queue, consumer);
    answer(
      (answered: PortConsumer | PortError) => {
        if (isPortError(answered)) consumers.remove(namespace, queue, consumer);
        done(answered);
      },
      async () => {
        await this.#settings.endings.under(namespace, queue);
        const found = await this.#client.queues.get(queue);
        if (exclusive && found.state.consumers > 0) return this.#inUse(queue);
        await consumer.open(found);
        return consumer;
      },
    );
  }

  /** The last consumer of a queue with auto-delete takes the queue with it, unless another gateway has consumers. */
  readonly #left = (consumer: SdkConsumer, { queue, autoDelete }: Queue): void => {
    const { consumers, namespace, endings } = this.#settings;
    if (!consumers.remove(namespace, queue, consumer) || !autoDelete) return;
    const { queues } = this.#client;
    endings.begin(namespace, queue, async () => {
      const { state } = await queues.get(queue);
      // The stream of the one that leaves may count yet.
      if (state.consumers <= 1 && consumers.of(namespace, queue).length === 0) await queues.delete(queue);
    });
  };

  readonly #returning = (queue: string, stored: Promise<void>): void => {
    const { consumers, namespace } = this.#settings;
    consumers.returning.add(namespace, queue, stored);
  };

  /** Resolves when clients of this gateway have given back what they did so far. */
  #returned(queue: string): Promise<void> {
    const { consumers, namespace } = this.#settings;
    return consumers.returning.stored(namespace, queue);
  }

  /** @param isUse whether that postpones the expiry of the queue. One that is exclusive has a keeper */
  async #counts(queue: string, isUse: boolean): Promise<QueueCounts> {
    await this.#ended({ queue });
    await this.#returned(queue);
    const { state, expiresMs } = await this.#client.queues.get(queue);
    // To the broker a look at the settings is no use, a look at the messages is.
    if (isUse && expiresMs !== null) await this.#client.queues.peek(queue, { max: 1 }).catch(() => {});
    return { messageCount: state.ready, consumerCount: state.consumers };
  }

  async #exists(queue: string): Promise<boolean> {
    return await this.#client.queues.get(queue).then(() => true, unless('queue_not_found', false));
  }

  /** Waits for the deletion of a queue that is under way. */
  async #ended(destination: BindingSpec['destination']): Promise<void> {
    if ('queue' in destination)
      await this.#settings.endings.under(this.#settings.namespace, destination.queue);
  }

  #usable(queue: string): PortError | null {
    return isWideName(queue) ? this.#locked(queue) : this.#absent('queue', queue);
  }

  #locked(queue: string): PortError | null {
    const { exclusive, namespace } = this.#settings;
    return exclusive.isForeign(namespace, queue, this) ? this.#lock(queue) : null;
  }

  #lock(queue: string): PortError {
    const { virtualHost } = this.#settings;
    const reason = `cannot obtain exclusive access to locked queue '${queue}' in vhost '${virtualHost}'`;
    return portError('resource-locked', reason);
  }

  #inUse(queue: string): PortError {
    return portError(
      'access-refused',
      `queue '${queue}' in vhost '${this.#settings.virtualHost}' in exclusive use`,
    );
  }

  #absent(what: string, name: string): PortError {
    return portError('not-found', `no ${what} '${name}' in vhost '${this.#settings.virtualHost}'`);
  }

  #namesOf({ source, destination }: BindingSpec): PortError | null {
    if (!isWideName(source)) return this.#absent('exchange', source);
    if ('queue' in destination) return this.#usable(destination.queue);
    return isWideName(destination.exchange) ? null : this.#absent('exchange', destination.exchange);
  }
}

const unusable = (what: string, name: string): PortError =>
  portError('not-implemented', `a name like '${name}' for an ${what}: it has to be ${WIDE_NAME_RULE}`);
