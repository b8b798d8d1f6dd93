/** The client: one broker and namespace, and everything that an application can do with them. */

import { Alerts } from './admin/alerts.ts';
import { RecordClaims } from './producer/record-claims.ts';
import { clientConfig, type PosthornOptions } from './client/options.ts';
import { channelsBy } from './client/sockets/request-channel.ts';
import { requestSocketsOf } from './client/sockets/request-sockets.ts';
import { Transport } from './client/transport.ts';
import { Consumer } from './consumer/consumer.ts';
import type { MessageHandler } from './consumer/consumer-run.ts';
import type { ConsumerOptions, ExactlyOnceConsumerOptions } from './consumer/options.ts';
import { Messages, type MessagesOptions } from './consumer/messages.ts';
import { Definitions } from './admin/definitions.ts';
import { DeadLetters } from './admin/dead-letters.ts';
import { Exchanges } from './admin/exchanges.ts';
import { GroupConsumer } from './groups/group-consumer.ts';
import { Groups } from './admin/groups.ts';
import type { ExactlyOnceGroupOptions, GroupConsumerOptions } from './groups/options.ts';
import { Limits } from './admin/limits.ts';
import { Events } from './admin/events.ts';
import { Objects } from './admin/objects.ts';
import { Overview } from './admin/overview.ts';
import { Namespaces } from './admin/namespaces.ts';
import type { OutgoingMessage } from './values/message-input.ts';
import type { PeekedMessage } from './values/peeked-message.ts';
import { Policies } from './admin/policies.ts';
import type { ProducerOptions } from './producer/options.ts';
import { Producer } from './producer/producer.ts';
import type { ReaderOptions } from './reader/options.ts';
import { Reader } from './reader/reader.ts';
import type { PublisherOptions } from './publisher/options.ts';
import { Publisher } from './publisher/publisher.ts';
import { QueueMessages } from './admin/queue-messages.ts';
import { Queues } from './admin/queues.ts';
import { Schedules } from './admin/schedules.ts';
import { Hooks } from './admin/hooks.ts';
import { Subscriptions } from './admin/subscriptions.ts';
import {
  request,
  respond,
  type RequestDestination,
  type RequestOptions,
  type ResponderOptions,
  type ResponseHandler,
} from './request-reply/requests.ts';
import { ShareGroups } from './admin/share-groups.ts';
import { Tokens } from './admin/tokens.ts';
import { Topics } from './admin/topics.ts';
import {
  TransactionalProducer,
  type TransactionalProducerOptions,
} from './transactions/transactional-producer.ts';

/**
 * A client of one broker and namespace. It holds no connection and needs no closing; make one and keep it. In a Worker
 * make one for each request: the runtime does not let requests share what is under way.
 *
 * @example
 * const posthorn = new Posthorn({ url: 'http://127.0.0.1:8787' });
 * await posthorn.topics.declare('orders', { partitions: 10 });
 *
 * const producer = posthorn.producer();
 * await producer.send('orders', { key: 'customer-7', value: { total: 12 } });
 * await producer.close();
 *
 * for await (const record of posthorn.reader('orders', { follow: false })) {
 *   console.log(record.partition, record.offset, record.keyText, record.json());
 * }
 *
 * @example
 * await posthorn.queues.declare('mails');
 * await posthorn.publisher().sendToQueue('mails', { body: { to: 'a@example.com' } });
 * const consumer = posthorn.consumer('mails', async (message) => deliver(message.json()));
 * await consumer.stop();
 *
 * @throws PosthornError `invalid_argument` for invalid options
 */
export class Posthorn {
  /** Declare, read, list, change and delete topics; see into partitions. */
  readonly topics: Topics;
  /** Declare, read, list, change and delete queues; purge, pause and look into them. */
  readonly queues: Queues;
  /** List the messages that a queue holds, read one, cancel it, or run it now. */
  readonly queueMessages: QueueMessages;
  /** List, send back, replay, purge and export what died in a queue. */
  readonly deadLetters: DeadLetters;
  /** Declare, read, list and delete exchanges; bind and unbind. */
  readonly exchanges: Exchanges;
  /** Put, read, list and delete policies: settings for many queues. */
  readonly policies: Policies;
  /** Put, read, list and delete alert rules: notices to a webhook. */
  readonly alerts: Alerts;
  /** Put, read, list, pause, trigger and delete schedules: messages at the times of a cron expression. */
  readonly schedules: Schedules;
  /** Put, read, list, pause, resume, test and delete subscriptions: messages of a queue, pushed to an HTTP endpoint. */
  readonly subscriptions: Subscriptions;
  /** Put, read, list and delete hooks: addresses that store webhooks of other services. */
  readonly hooks: Hooks;
  /** List, describe and delete consumer groups; read and reset their offsets; remove members. */
  readonly groups: Groups;
  /** Put, read, list, delete share groups; acquire and acknowledge their records. */
  readonly shareGroups: ShareGroups;
  /** Read and set the cost ceiling of the namespace. */
  readonly limits: Limits;
  /** Export everything that is declared as one document, plan what a document would change, and apply it. */
  readonly definitions: Definitions;
  /** Send CloudEvents. */
  readonly events: Events;
  /** Put, read, list and delete objects: bodies that are too large for a message. */
  readonly objects: Objects;
  /** See how the whole namespace does. */
  readonly overview: Overview;
  /** Make, read, list, rotate and revoke tokens. */
  readonly tokens: Tokens;
  /** Create, read, list, change and delete namespaces, with the root token. */
  readonly namespaces: Namespaces;
  readonly #transport: Transport;

  constructor(options: PosthornOptions) {
    const config = clientConfig(options);
    this.#transport = new Transport(config, channelsBy(requestSocketsOf(options, config)));
    const root = new Transport({ ...config, baseUrl: config.rootUrl });
    this.topics = new Topics(this.#transport);
    this.queues = new Queues(this.#transport);
    this.queueMessages = new QueueMessages(this.#transport);
    this.deadLetters = new DeadLetters(this.#transport);
    this.exchanges = new Exchanges(this.#transport);
    this.policies = new Policies(this.#transport);
    this.alerts = new Alerts(this.#transport);
    this.schedules = new Schedules(this.#transport);
    this.subscriptions = new Subscriptions(this.#transport);
    this.hooks = new Hooks(this.#transport);
    this.groups = new Groups(this.#transport);
    this.shareGroups = new ShareGroups(this.#transport);
    this.limits = new Limits(this.#transport);
    this.definitions = new Definitions(this.#transport);
    this.events = new Events(this.#transport);
    this.objects = new Objects(this.#transport);
    this.overview = new Overview(this.#transport);
    this.tokens = new Tokens(root, config.namespace);
    this.namespaces = new Namespaces(root);
  }

  /** Makes a producer with batches and order of its own. Most applications need one. */
  producer(options: ProducerOptions = {}): Producer {
    return new Producer(
      this.#transport,
      this.topics,
      options,
      undefined,
      (config) => new RecordClaims(this.#transport, this.topics, config),
    );
  }

  /** Makes a transactional producer: readers see all records of a transaction or none. */
  transactionalProducer(options: TransactionalProducerOptions): TransactionalProducer {
    return new TransactionalProducer(this.#transport, this.topics, options);
  }

  /** Reads a topic. It sends no request until a loop asks for the first record. */
  reader(topic: string, options: ReaderOptions = {}): Reader {
    return new Reader(this.#transport, this.topics, topic, options);
  }

  /** Makes a publisher to exchanges and queues, with batches and order of its own. Most applications need one. */
  publisher(options: PublisherOptions = {}): Publisher {
    return new Publisher(this.#transport, this.queues, options);
  }

  /** Returns the messages of a queue for a loop that settles each. It sends no request until the loop begins. */
  messages(queue: string, options: MessagesOptions = {}): Messages {
    return new Messages(this.#transport, this.queues, queue, options);
  }

  /**
   * Publishes a message and waits for the reply to it. A request is never sent twice by itself.
   *
   * @example const { body } = await posthorn.request({ queue: 'prices' }, { body: { item: 'tea' } }, { timeoutMs: 5_000 });
   *
   * @throws PosthornError `no_reply` if the time is over, `unroutable` if nobody takes it, `request_failed` if
   *   whoever took it failed, `aborted`, `connection_failed`, `exchange_not_found`, `queue_full`, and other codes
   */
  request(
    destination: RequestDestination,
    message: OutgoingMessage,
    options: RequestOptions = {},
  ): Promise<PeekedMessage> {
    return request(this.#transport, destination, message, options);
  }

  /**
   * Takes requests from a queue and replies to each with what the function returns: JSON, or bytes. A request is
   * acknowledged when the broker has the reply, or says that nobody waits for it any more; that and what is thrown is told
   * to `onError`. Stop it as a consumer.
   *
   * @example posthorn.respond('prices', async (message) => priceOf(message.json()));
   */
  respond(queue: string, handler: ResponseHandler, options: ResponderOptions = {}): Consumer {
    return respond(this.#transport, this.queues, queue, handler, options);
  }

  /** Takes messages from a queue and hands them to a function, until it is stopped. */
  consumer(
    queue: string,
    handler: MessageHandler,
    options?: ConsumerOptions | ExactlyOnceConsumerOptions,
  ): Consumer;
  /** Reads topics as a member of a group and hands their records to a function, until it is stopped. */
  consumer(options: GroupConsumerOptions): GroupConsumer;
  /** As a member of a group, with the results of its records and how far it has read in one transaction. */
  consumer(options: ExactlyOnceGroupOptions): GroupConsumer;
  consumer(
    what: string | GroupConsumerOptions | ExactlyOnceGroupOptions,
    handler?: MessageHandler,
    options: ConsumerOptions | ExactlyOnceConsumerOptions = {},
  ): Consumer | GroupConsumer {
    if (typeof what === 'object') {
      return new GroupConsumer(this.#transport, this.topics, this.queues, this.groups, what);
    }
    return new Consumer(this.#transport, this.queues, what, handler!, options);
  }
}
