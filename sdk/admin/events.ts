/** Events: CloudEvents that are sent to a topic, a queue or an exchange. */

import { CLOUD_EVENT_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import type { CallOptions } from '../client/options.ts';
import { checkExchange, checkName, checkWideName } from '../client/names.ts';
import type { Transport } from '../client/transport.ts';

/** A CloudEvent as JSON has it, with the names of the specification. Extensions are further members: text, booleans and integers. */
export interface CloudEvent {
  specversion: '1.0';
  /** With `source` it tells events apart. */
  id: string;
  /** Where it happened: a URI reference. */
  source: string;
  /** What happened, such as `com.example.order.created`. */
  type: string;
  subject?: string;
  /** RFC 3339. */
  time?: string;
  /** Default: `application/json`. */
  datacontenttype?: string;
  dataschema?: string;
  data?: unknown;
  /** The data as padded base64, instead of `data`. */
  data_base64?: string;
  [extension: string]: unknown;
}

/** Where events go. */
export type EventTarget =
  | {
      topic: string;
      /** The attribute whose value is the key. Default: `partitionkey`, if there is one. */
      key?: string;
    }
  | { queue: string }
  | {
      exchange: string;
      /** The attribute whose value is the routing key. Default: `type`. */
      routingKey?: string;
    };

export class Events {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Stores events, all or none of those that go to one queue or partition. Temporary failures are retried, so an event can be stored twice, with the
   * same `source` and `id`; a queue with a deduplication window stores it once.
   *
   * @param events 1 to 10,000
   * @throws PosthornError `invalid_event`, `topic_not_found`, `queue_not_found`, `exchange_not_found`, `queue_full`
   * @example await posthorn.events.send([{ specversion: '1.0', id: '1', source: '/shop', type: 'order.created', data: { total: 12 } }], { topic: 'orders' });
   */
  async send(events: readonly CloudEvent[], target: EventTarget, options: CallOptions = {}): Promise<void> {
    const query =
      'topic' in target
        ? { topic: checkName('topic', target.topic), key: target.key }
        : 'queue' in target
          ? { queue: checkWideName('queue', target.queue) }
          : { exchange: checkExchange(target.exchange), routing_key: target.routingKey };
    const headers = { 'content-type': CLOUD_EVENT_BATCH_TYPE };
    const body = JSON.stringify(events);
    await this.#transport.json<unknown>({
      method: 'POST',
      path: '/events',
      query: encoded(query),
      headers,
      body,
      ...options,
    });
  }
}

const encoded = (query: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]) => [
      name,
      value === undefined ? value : encodeURIComponent(value),
    ]),
  );
