/** Appenders: those of one connection, one for each partition. */

import type { BrokerClient } from '../broker/broker-client.ts';
import { PartitionAppender } from './partition-appender.ts';

/** Above it, those that have nothing to do are dropped. */
const APPENDERS_MAX = 1_000;

export class Appenders {
  readonly #client: BrokerClient;
  readonly #appenders = new Map<string, PartitionAppender>();

  constructor(client: BrokerClient) {
    this.#client = client;
  }

  /** @throws PosthornError for a name that no topic can have */
  get(topic: string, partition: number): PartitionAppender {
    const key = `${topic}/${partition}`;
    const known = this.#appenders.get(key);
    if (known) return known;
    const appender = new PartitionAppender(this.#client.transport, topic, partition);
    if (this.#appenders.size >= APPENDERS_MAX) this.#dropIdle();
    this.#appenders.set(key, appender);
    return appender;
  }

  #dropIdle(): void {
    for (const [key, appender] of this.#appenders) if (appender.isIdle) this.#appenders.delete(key);
  }
}
