/** Subscriptions: messages of a queue, or records of a topic, pushed to an HTTP endpoint. */

import type {
  Attempts,
  SubscriptionList,
  SubscriptionReply,
  SubscriptionSought,
  SubscriptionTested,
  SubscriptionWithStateReply,
} from '../../protocol/schemas/subscriptions.ts';
import { listAll } from '../client/list-pages.ts';
import { checkName } from '../client/names.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, jsonOf, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';
import { wireOffset, type StartPosition } from '../values/start-position.ts';
import type { RetrySettings } from './queue-types.ts';

export interface TopicSource {
  topic: string;
  /** Where a new subscription begins in each partition. Default `latest`. */
  from?: StartPosition;
  /** What is pushed in order: the records of each key (default), or all records of a partition. */
  order?: 'key' | 'partition';
  /** When a record that failed is pushed again. Default 1 s, 5 s, 30 s. */
  retry?: RetrySettings;
  /** The queue of records that failed for good. Default: `<subscription>.dlq`, which is created if necessary. */
  deadLetter?: { queue: string } | 'none';
}

export interface PushFilter {
  /** A pattern as a topic exchange has it. A message that came through no exchange is matched by its key. */
  routingKey?: string;
  /** As the arguments of a binding to a headers exchange, with `x-match`; null: any value. */
  headers?: Record<string, string | number | boolean | null>;
}

export interface SubscriptionDeclaration {
  source: { queue: string } | TopicSource;
  /**
   * A public https address, unless the broker is configured otherwise; a Worker that the broker is bound to; or a queue or topic
   * that messages are stored in.
   */
  target:
    | { url: string }
    | { worker: string }
    | { namespace?: string; queue: string }
    | { namespace?: string; topic: string };
  /** What is pushed; the others are settled without a push. Default null: all are pushed. */
  filter?: PushFilter | null;
  /** How messages are written into requests. Default `json`: an object with `messages`. */
  format?: 'json' | 'body' | 'cloudevents-binary' | 'cloudevents-structured' | 'cloudevents-batch';
  /** Messages of one request at most. Default 1. More than one with `json` and `cloudevents-batch` only. */
  batchMessages?: number;
  /** How long a request waits for its batch to be full, in ms. Default 0. */
  batchWaitMs?: number;
  /** Requests at the same time. Default 10. */
  concurrency?: number;
  /** Requests in a second at most. Default null: as many as the endpoint takes. */
  ratePerS?: number | null;
  /** How long a request waits for its reply, in ms. Default 15,000. */
  replyTimeoutMs?: number;
  /** Headers of each request. Whoever may view the subscription sees them. */
  headers?: Record<string, string>;
  /** `whsec_` and base64. Default: the existing secret, or a new one that this call returns once. */
  secret?: string;
  /** A second secret, while the receiver changes from one to the other. null: none any more. */
  nextSecret?: string | null;
  /** The value of the header `authorization`, never shown again. null: none any more. */
  authorization?: string | null;
  /** Client credentials: requests have a bearer token that is got with them. Never shown again. null: none any more. */
  oauth?: {
    tokenUrl: string;
    clientId: string;
    clientSecret: string;
    scope?: string;
    audience?: string;
  } | null;
}

type Shown = Omit<SubscriptionDeclaration, 'secret' | 'nextSecret' | 'authorization' | 'oauth'>;

export interface Subscription extends Required<Omit<Shown, 'source'>> {
  /** `from` as an offset, `earliest`, `latest`, or `@` and ms since 1970. */
  source: { queue: string } | (Required<Omit<TopicSource, 'from'>> & { from: number | string });
  /** Its name. */
  subscription: string;
  hasNextSecret: boolean;
  hasAuthorization: boolean;
  hasOauth: boolean;
  isPaused: boolean;
  /** `gone`: the endpoint answered 410; `source_deleted`: its queue or topic was deleted. null: it runs. */
  pauseReason: 'asked' | 'gone' | 'source_deleted' | null;
  /** Only in the result of the call that made it. */
  secret?: string;
  /** The version of the namespace's topology that this was read from. */
  topologyVersion: number;
}

export interface SubscriptionState {
  /** Requests that wait for their reply. */
  inFlight: number;
  /** Messages that it has taken and not settled. */
  held: number;
  /** open: the endpoint failed again and again, and gets nothing for a while. */
  breaker: 'closed' | 'open' | 'probing';
  /** When it pushes again, in ms since 1970; null: it does now. */
  resumesAt: number | null;
  /** Requests that failed one after another until now. */
  failures: number;
  lastError: string | null;
  /** Messages that the endpoint accepted, and messages whose request failed, since the object woke. */
  pushed: number;
  failed: number;
  /** Messages that the filter has passed over since the object woke. */
  filtered: number;
  /** Records of the topic that are not settled; null: the source is a queue, or does not answer. */
  lag: number | null;
  /** Of a topic: the first 100 partitions. Every record before `offset` is settled. */
  positions?: { partition: number; offset: number; endOffset: number; lag: number }[];
  /** Dead letters that their queue does not have yet. */
  deadLettersWaiting: number;
}

export interface PushAttempt {
  /** `webhook-id` of the request. */
  id: string;
  /** When it was sent, in ms since 1970. */
  at: number;
  durationMs: number;
  messages: number;
  /** Which attempt it was for its first message. */
  attempt: number;
  /** null: there was no reply. */
  status: number | null;
  /** released: it failed, and does not count as an attempt of the message. */
  outcome: 'accepted' | 'failed' | 'released';
  error: string | null;
  /** The beginning of a reply that was no success. */
  reply: string | null;
}

/**
 * All calls except `test` retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `subscription_not_found`, `queue_not_found`, `topic_not_found`, `too_many_subscriptions`, `worker_unbound`, `connection_failed`, `timeout`, `aborted`.
 */
export class Subscriptions {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the subscription, or replaces it. A secret that is made for it is in the result of this call only.
   *
   * @example
   * const { secret } = await posthorn.subscriptions.put('orders-to-shop', {
   *   source: { queue: 'orders' }, target: { url: 'https://shop.example.com/orders' },
   * });
   */
  async put(
    subscription: string,
    declaration: SubscriptionDeclaration,
    options: CallOptions = {},
  ): Promise<Subscription> {
    const { source } = declaration;
    const from =
      'topic' in source && source.from !== undefined ? { from: wireOffset(source.from, 'source.from') } : {};
    const wire = toWire({ ...declaration, source: { ...source, ...from } });
    return await this.#subscription({
      method: 'PUT',
      path: pathOf(subscription),
      ...jsonBody(wire),
      ...options,
    });
  }

  async get(
    subscription: string,
    options: CallOptions = {},
  ): Promise<Subscription & { state: SubscriptionState }> {
    const call = { method: 'GET' as const, path: pathOf(subscription), ...options };
    const { state, ...fields } = await this.#transport.json<SubscriptionWithStateReply>(call);
    const positions = state.positions?.map((position) => fromWire<object>(position));
    const shown = { ...fromWire<object>(state), ...(positions && { positions }) };
    return { ...fromWire<Subscription>(fields), state: shown as SubscriptionState };
  }

  /** All subscriptions of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Subscription, 'topologyVersion'>[]> {
    const itemsOf = (page: SubscriptionList) => page.subscriptions;
    return (await listAll(this.#transport, '/subscriptions', itemsOf, options)).map((one) => fromWire(one));
  }

  /** Pushes nothing until it is resumed. */
  async pause(subscription: string, options: CallOptions = {}): Promise<Subscription> {
    return await this.#subscription({ method: 'POST', path: `${pathOf(subscription)}/pause`, ...options });
  }

  /** Pushes again, whatever had paused it, and closes its breaker. */
  async resume(subscription: string, options: CallOptions = {}): Promise<Subscription> {
    return await this.#subscription({ method: 'POST', path: `${pathOf(subscription)}/resume`, ...options });
  }

  /**
   * Goes on from another place in its topic: pushes records again, or passes over some.
   *
   * @param partitions default: all
   * @returns where it goes on, held to the log
   */
  async seek(
    subscription: string,
    { to, partitions, ...options }: CallOptions & { to: StartPosition; partitions?: number[] },
  ): Promise<{ partition: number; offset: number }[]> {
    const body = jsonBody({ to: wireOffset(to, 'to'), partitions });
    const path = `${pathOf(subscription)}/seek`;
    return (await this.#transport.json<SubscriptionSought>({ method: 'POST', path, ...body, ...options }))
      .offsets;
  }

  /** Pushes a test message now. The SDK does not retry. */
  async test(subscription: string, options: CallOptions = {}): Promise<PushAttempt> {
    const path = `${pathOf(subscription)}/test`;
    const reply = await this.#transport.call({ method: 'POST', path, ...options });
    return fromWire(jsonOf<SubscriptionTested>(reply).attempt);
  }

  /** The latest requests, the latest first. @param options.limit default 100, at most 1,000 */
  async attempts(
    subscription: string,
    { limit, onlyFailed, ...options }: CallOptions & { limit?: number; onlyFailed?: boolean } = {},
  ): Promise<PushAttempt[]> {
    const path = `${pathOf(subscription)}/attempts`;
    const query = { limit, failed: onlyFailed?.toString() };
    const { attempts } = await this.#transport.json<Attempts>({ method: 'GET', path, query, ...options });
    return attempts.map((attempt) => fromWire(attempt));
  }

  /** Messages that it has not pushed stay where they are. */
  async delete(subscription: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: pathOf(subscription), ...options }, 'subscription_not_found');
  }

  async #subscription(call: Parameters<Transport['json']>[0]): Promise<Subscription> {
    return fromWire(await this.#transport.json<SubscriptionReply>(call));
  }
}

const pathOf = (subscription: string): string => `/subscriptions/${checkName('subscription', subscription)}`;
