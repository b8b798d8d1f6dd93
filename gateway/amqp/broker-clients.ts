/**
 * Broker clients: the SDK's clients of the connections. Connections of one token and namespace share a publisher, so that their
 * messages share batches; it goes with its last connection. Everything else is of one connection, whose token can change.
 */

import { Exchanges } from '../../sdk/admin/exchanges.ts';
import { Queues } from '../../sdk/admin/queues.ts';
import { clientConfig } from '../../sdk/client/options.ts';
import { Transport } from '../../sdk/client/transport.ts';
import { Publisher } from '../../sdk/publisher/publisher.ts';

/** How long a publish is tried again before its client gets a nack, in ms. */
const DELIVERY_TIMEOUT_MS = 30_000;

type Token = string | null;

/** The client of one connection. */
export class BrokerClient {
  readonly transport: Transport;
  readonly queues: Queues;
  readonly exchanges: Exchanges;
  readonly #publishers: SharedPublishers;
  readonly #namespace: string;
  #token: Token;
  #shared: SharedPublisher;

  constructor(publishers: SharedPublishers, url: string, namespace: string, token: Token) {
    this.#publishers = publishers;
    this.#namespace = namespace;
    this.#token = token;
    this.#shared = publishers.take(namespace, token);
    const given = token === null ? {} : { token: (): string => this.#token! };
    this.transport = new Transport(clientConfig({ url, namespace, ...given }));
    this.queues = new Queues(this.transport);
    this.exchanges = new Exchanges(this.transport);
  }

  get publisher(): Publisher {
    return this.#shared.publisher;
  }

  /** Calls and streams have the new token from now on. A connection without a token stays without. */
  renew(token: Token): void {
    if (this.#token === null || token === null) return;
    const before = this.#shared;
    this.#token = token;
    this.#shared = this.#publishers.take(this.#namespace, token);
    this.#publishers.release(before);
  }

  release(): void {
    this.#publishers.release(this.#shared);
  }
}

interface SharedPublisher {
  readonly key: string;
  readonly publisher: Publisher;
  connections: number;
}

class SharedPublishers {
  readonly #url: string;
  readonly #all = new Map<string, SharedPublisher>();

  constructor(url: string) {
    this.#url = url;
  }

  take(namespace: string, token: Token): SharedPublisher {
    const key = `${namespace}\0${token ?? ''}`;
    const shared = this.#all.get(key) ?? { key, publisher: this.#make(namespace, token), connections: 0 };
    this.#all.set(key, shared);
    shared.connections++;
    return shared;
  }

  release(shared: SharedPublisher): void {
    if (--shared.connections > 0) return;
    this.#all.delete(shared.key);
    // What was published still goes out.
    shared.publisher.close().catch(() => {});
  }

  /** Resolves when everything published has an outcome. */
  async flush(): Promise<void> {
    await Promise.all([...this.#all.values()].map(({ publisher }) => publisher.flush()));
  }

  #make(namespace: string, token: Token): Publisher {
    const config = clientConfig({ url: this.#url, namespace, ...(token !== null && { token }) });
    const transport = new Transport(config);
    return new Publisher(transport, new Queues(transport), {
      // A queue that deduplicates goes by the ids that applications set, not by ours.
      messageIds: false,
      deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
      maxInFlight: 16,
      whenFull: 'refuse',
      // The gateway takes no body that is larger than a message, and clients of all protocols read what is in one.
      claimCheckBytes: Infinity,
    });
  }
}

export class BrokerClients {
  readonly #url: string;
  readonly #publishers: SharedPublishers;

  constructor(url: string) {
    this.#url = url;
    this.#publishers = new SharedPublishers(url);
  }

  take(namespace: string, token: Token): BrokerClient {
    return new BrokerClient(this.#publishers, this.#url, namespace, token);
  }

  /** Resolves when everything published has an outcome. */
  async flush(): Promise<void> {
    await this.#publishers.flush();
  }
}
