/** The client. */

import { clientConfig, type PosthornOptions } from './client/options.ts';
import { Transport } from './client/transport.ts';
import type { ProducerOptions } from './producer/options.ts';
import { Producer } from './producer/producer.ts';
import type { ReaderOptions } from './reader/options.ts';
import { Reader } from './reader/reader.ts';
import { Topics } from './topics.ts';

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
 * @throws PosthornError `invalid_argument` for options that cannot be
 */
export class Posthorn {
  /** Declare, read, list, change and delete topics; see into partitions. */
  readonly topics: Topics;
  readonly #transport: Transport;

  constructor(options: PosthornOptions) {
    this.#transport = new Transport(clientConfig(options));
    this.topics = new Topics(this.#transport);
  }

  /** A producer of its own batches and order. One for an application is usual. */
  producer(options: ProducerOptions = {}): Producer {
    return new Producer(this.#transport, this.topics, options);
  }

  /** Reads a topic. Nothing is sent before the first record is asked for. */
  reader(topic: string, options: ReaderOptions = {}): Reader {
    return new Reader(this.#transport, this.topics, topic, options);
  }
}
