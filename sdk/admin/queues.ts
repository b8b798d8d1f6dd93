/** Queues: declare, read, list, change, delete; and what is in them. */

import type { Peeked } from '../../protocol/schemas/deliveries.ts';
import type { QueueList, QueueReply, QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { listAll } from '../client/list-pages.ts';
import type { CallOptions } from '../client/options.ts';
import { jsonBody, type HttpCall, type Transport } from '../client/transport.ts';
import { PeekedMessage } from '../values/peeked-message.ts';
import { queuePath } from '../client/names.ts';
import type { Queue, QueueChange, QueueDeclaration, QueueStatus } from './queue-types.ts';
import { fromWire, toWire } from '../client/wire.ts';

/**
 * All calls retry temporary failures, and throw `PosthornError`: `invalid_argument`, `invalid_field`,
 * `queue_not_found`, `queue_unavailable`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class Queues {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates the queue, or checks that it has the given settings. Settings that are left out take their defaults and are
   * not checked. Call it at each start.
   *
   * @throws PosthornError `queue_differs` with `details.differing`
   * @example await posthorn.queues.declare('mails', { maxPriority: 5, retry: { scheduleMs: [1_000, 60_000] } });
   */
  async declare(
    queue: string,
    declaration: QueueDeclaration = {},
    options: CallOptions = {},
  ): Promise<Queue> {
    return await this.#queue(queue, { method: 'PUT', ...jsonBody(toWire(declaration)), ...options });
  }

  /** The definition, and in `state` how many messages it holds. */
  async get(queue: string, options: CallOptions = {}): Promise<Queue & { state: QueueStatus }> {
    const reply = await this.#transport.json<QueueWithStateReply>({
      method: 'GET',
      path: queuePath(queue),
      ...options,
    });
    return fromWire<Queue & { state: QueueStatus }>(reply);
  }

  /** All queues of the namespace, by name. */
  async list(options: CallOptions = {}): Promise<Omit<Queue, 'topologyVersion'>[]> {
    const queues = await listAll(this.#transport, '/queues', (page: QueueList) => page.queues, options);
    return queues.map((queue) => fromWire<Omit<Queue, 'topologyVersion'>>(queue));
  }

  /** Changes the given settings only, also while the queue holds messages. */
  async change(queue: string, change: QueueChange, options: CallOptions = {}): Promise<Queue> {
    return await this.#queue(queue, { method: 'PATCH', ...jsonBody(toWire(change)), ...options });
  }

  /**
   * Deletes the queue and its messages.
   *
   * @throws PosthornError `queue_in_use`, `queue_not_empty`
   */
  async delete(
    queue: string,
    {
      ifUnused,
      ifEmpty,
      ...options
    }: CallOptions & {
      /** Only if no consumer waits or holds messages; `consumers`: if none waits. */
      ifUnused?: boolean | 'consumers';
      /** Only if it holds no message; `unleased`: but for those that consumers hold. */
      ifEmpty?: boolean | 'unleased';
    } = {},
  ): Promise<void> {
    const query = { if_unused: ifUnused?.toString(), if_empty: ifEmpty?.toString() };
    await this.#transport.delete({ path: queuePath(queue), query, ...options }, 'queue_not_found');
  }

  /** Removes all messages except those that consumers hold. @returns how many */
  async purge(queue: string, options: CallOptions = {}): Promise<number> {
    return (await this.#post<{ purged: number }>(queue, 'purge', options)).purged;
  }

  /** Deliver nothing until it is resumed. */
  async pause(queue: string, options: CallOptions = {}): Promise<void> {
    await this.#post(queue, 'pause', options);
  }

  async resume(queue: string, options: CallOptions = {}): Promise<void> {
    await this.#post(queue, 'resume', options);
  }

  /** The next messages, in the order in which they would be delivered, without taking them. Default 10, at most 1,000. */
  async peek(
    queue: string,
    { max, ...options }: CallOptions & { max?: number } = {},
  ): Promise<PeekedMessage[]> {
    const path = `${queuePath(queue)}/messages`;
    const { messages } = await this.#transport.json<Peeked>({
      method: 'GET',
      path,
      query: { max },
      ...options,
    });
    return messages.map((message) => PeekedMessage.of(message));
  }

  async #queue(queue: string, call: Omit<HttpCall, 'path'>): Promise<Queue> {
    return fromWire<Queue>(await this.#transport.json<QueueReply>({ ...call, path: queuePath(queue) }));
  }

  async #post<Reply>(queue: string, what: string, options: CallOptions): Promise<Reply> {
    return await this.#transport.json<Reply>({
      method: 'POST',
      path: `${queuePath(queue)}/${what}`,
      ...options,
    });
  }
}
