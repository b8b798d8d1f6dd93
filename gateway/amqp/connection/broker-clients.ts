/**
 * Broker clients: the SDK's clients of the connections. Connections of one token and namespace share a publisher, so that their
 * messages share batches; it goes with its last connection. Everything else is of one connection, whose token can change.
 */

import { RECORD_BYTES_MAX } from '../../../protocol/limits.ts';
import { DAY_MS } from '../../../protocol/names/object-id.ts';
import { Exchanges } from '../../../sdk/admin/exchanges.ts';
import { Queues } from '../../../sdk/admin/queues.ts';
import { clientConfig, type PosthornOptions } from '../../../sdk/client/options.ts';
import { channelsBy } from '../../../sdk/client/sockets/request-channel.ts';
import { requestSocketsOf } from '../../../sdk/client/sockets/request-sockets.ts';
import { nodeSocket } from '../../../sdk/client/sockets/node-socket.ts';
import { Transport } from '../../../sdk/client/transport.ts';
import { Publisher } from '../../../sdk/publisher/publisher.ts';
import { Wave } from '../../../sdk/publisher/wave.ts';
import { BlockedPublishes } from '../blocked-publishes.ts';
import { PendingAcks } from '../pending-acks.ts';

/** How long a publish is tried again before its client gets a nack, in ms. */
const DELIVERY_TIMEOUT_MS = 30_000;

/** How long a batch waits at most for those who are confirmed and publish again: a client takes a while for a window of thousands. In ms. */
const GATHER_MS = 20;

/** Larger bodies go to the bucket. The rest of the largest message is for its properties. */
const CLAIM_CHECK_BYTES = RECORD_BYTES_MAX - 16 * 1024;

/** Their life beyond that of their queue, where it has no end: AMQP's clients do not know of one. Nothing else removes them from the bucket. */
const CLAIM_TTL_MS = 90 * DAY_MS;

type Token = string | null;

/** Where the broker is, and how calls get there if not over the network. */
export type BrokerAddress = Pick<PosthornOptions, 'url' | 'fetch' | 'webSocket'>;

/** The client of one connection. */
export class BrokerClient {
  readonly transport: Transport;
  readonly queues: Queues;
  readonly exchanges: Exchanges;
  readonly #publishers: SharedPublishers;
  readonly #namespace: string;
  #token: Token;
  #shared: SharedPublisher;

  constructor(publishers: SharedPublishers, broker: BrokerAddress, namespace: string, token: Token) {
    this.#publishers = publishers;
    this.#namespace = namespace;
    this.#token = token;
    this.#shared = publishers.take(namespace, token);
    const given = {
      // Node's own compresses deliveries, which takes more of the broker's time than everything else.
      ...(nodeSocket !== null && { webSocket: nodeSocket }),
      ...(token !== null && { token: (): string => this.#token! }),
    };
    this.transport = new Transport(clientConfig({ namespace, ...given, ...broker }));
    this.queues = new Queues(this.transport);
    this.exchanges = new Exchanges(this.transport);
  }

  get publisher(): Publisher {
    return this.#shared.publisher;
  }

  /** Changes with the token. */
  get blocked(): BlockedPublishes {
    return this.#shared.blocked;
  }

  /** Sends what a consumer has acknowledged, with the next wave of publishes to its queue. Returns what ends that. */
  flushWithPublishes(queue: string, flush: () => void): () => void {
    return this.#publishers.pendingAcks.add(this.#namespace, queue, flush);
  }

  /** Calls and streams have the new token from now on. A connection without a token stays without. */
  renew(token: Token): void {
    if (this.#token === null || token === null) return;
    const before = this.#shared;
    this.#token = token;
    this.#shared = this.#publishers.take(this.#namespace, token);
    this.#publishers.release(before);
  }

  /** A stop waits for what the connection does at its end. It does not reject. */
  leaving(work: Promise<void>): void {
    this.#publishers.leaving(work);
  }

  release(): void {
    this.#publishers.release(this.#shared);
  }
}

interface SharedPublisher {
  readonly key: string;
  readonly publisher: Publisher;
  readonly blocked: BlockedPublishes;
  /** Gives up what is not stored. */
  readonly abort: AbortController;
  connections: number;
}

class SharedPublishers {
  readonly pendingAcks = new PendingAcks();
  readonly #broker: BrokerAddress;
  readonly #all = new Map<string, SharedPublisher>();
  /** What ended connections still send. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(broker: BrokerAddress) {
    this.#broker = broker;
  }

  take(namespace: string, token: Token): SharedPublisher {
    const key = `${namespace}\0${token ?? ''}`;
    const shared = this.#all.get(key) ?? this.#make(key, namespace, token);
    this.#all.set(key, shared);
    shared.connections++;
    return shared;
  }

  release(shared: SharedPublisher): void {
    if (--shared.connections > 0) return;
    this.#all.delete(shared.key);
    // What was published still goes out, unless the broker takes nothing.
    const timer = setTimeout(() => shared.abort.abort(), DELIVERY_TIMEOUT_MS);
    this.leaving(
      shared.publisher
        .close()
        .catch(() => {})
        .finally(() => clearTimeout(timer)),
    );
  }

  leaving(work: Promise<void>): void {
    this.#leaving.add(work);
    void work.finally(() => this.#leaving.delete(work));
  }

  /** Resolves when everything published has an outcome, which does not wait for a broker that takes nothing, and all acknowledgements. */
  async flush(): Promise<void> {
    const all = [...this.#all.values()];
    const timer = setTimeout(() => all.forEach(({ abort }) => abort.abort()), DELIVERY_TIMEOUT_MS);
    await Promise.all([...all.map(({ publisher }) => publisher.flush()), ...this.#leaving]);
    clearTimeout(timer);
  }

  #make(key: string, namespace: string, token: Token): SharedPublisher {
    const given = { ...this.#broker, namespace, ...(token !== null && { token }) };
    const config = clientConfig(given);
    const transport = new Transport(config, channelsBy(requestSocketsOf(given, config)));
    const blocked = new BlockedPublishes();
    const abort = new AbortController();
    const publisher = new Publisher(transport, new Queues(transport), {
      // A queue that deduplicates goes by the ids that applications set, not by ours.
      messageIds: false,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      maxInFlight: 16,
      wave: (over, destination) =>
        new Wave(GATHER_MS, over, () => {
          if ('queue' in destination) this.pendingAcks.flush(namespace, destination.queue);
        }),
      whenFull: 'refuse',
      // Clients of all protocols read what is in a message.
      claimCheckBytes: CLAIM_CHECK_BYTES,
      claimTtlMs: CLAIM_TTL_MS,
      onRetry: (error, destination) => blocked.noteRetry(error, destination),
      signal: abort.signal,
    });
    return { key, publisher, blocked, abort, connections: 0 };
  }
}

export class BrokerClients {
  readonly #broker: BrokerAddress;
  readonly #publishers: SharedPublishers;

  constructor(broker: BrokerAddress) {
    this.#broker = broker;
    this.#publishers = new SharedPublishers(broker);
  }

  take(namespace: string, token: Token): BrokerClient {
    return new BrokerClient(this.#publishers, this.#broker, namespace, token);
  }

  /** Resolves when everything published has an outcome. */
  async flush(): Promise<void> {
    await this.#publishers.flush();
  }
}
