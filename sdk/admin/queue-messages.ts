/** Messages that a queue holds: list, read, cancel, run now, move to another queue. */

import type { HeldMessage as HeldMessageJson, MessageList } from '../../protocol/schemas/queue-messages.ts';
import type { Move, MoveDryRun } from '../../protocol/schemas/moves.ts';
import { checkWideName, queuePath } from '../client/names.ts';
import type { CallOptions } from '../client/options.ts';
import { sleep } from '../client/sleep.ts';
import { jsonBody, type Transport } from '../client/transport.ts';
import { fromWire, toWire } from '../client/wire.ts';
import { PeekedMessage } from '../values/peeked-message.ts';

export type MessageState = 'ready' | 'leased' | 'waiting' | 'delayed';

export interface MessageCancelled {
  id: string;
  outcome: 'cancelled' | 'dead_lettered';
}

/**
 * `ready`: it goes before the others of its priority. `unchanged`: it did already. `expired`: its time to live was over. A null id: the reply to an
 * earlier attempt was lost.
 */
export interface MessageRun {
  id: string | null;
  outcome: 'ready' | 'unchanged' | 'expired';
}

export interface MessageFilter {
  /** Default: all states. */
  state?: MessageState;
  messageId?: string;
  orderingKey?: string;
}

/** A message in its queue. Times are in ms since 1970. */
export interface HeldMessage {
  /** Its position. A message that moves on (its time comes, it fails) has a new one. */
  id: string;
  /** `waiting`: it failed, and waits for its next attempt. `delayed`: it waits for its first delivery. */
  state: MessageState;
  message: PeekedMessage;
  deliveryCount: number;
  failedAttempts: number;
  /** When a waiting or delayed one becomes ready. */
  dueAt: number | null;
  /** Of a leased one. */
  leaseExpiresAt: number | null;
  /** The consumer that has it, if it has said who it is. */
  consumerId: string | null;
  /** What the consumer reported when it failed last. */
  lastError: { type: string | null; message: string | null; stackTrace: string | null } | null;
}

export interface MoveOptions {
  /** The queue that they go to. */
  to: string;
  /** Only these. */
  ids?: readonly string[];
  /** Only those that match. */
  filter?: { messageId?: string; orderingKey?: string; routingKey?: string };
  /** Only messages in these states. Default: all but leased ones. */
  states?: readonly ('ready' | 'waiting' | 'delayed')[];
  /** Messages at most. */
  limit?: number;
  /** Messages per second at most. Default: as fast as it goes. */
  ratePerS?: number;
}

export interface MoveProgress {
  id: string;
  queue: string;
  to: { queue: string };
  state: 'running' | 'done' | 'cancelled';
  /** Messages that were there when it began. */
  total: number;
  lookedAt: number;
  moved: number;
  /** Of `ids`: messages that are gone, or that a consumer has. */
  skipped: number;
  ratePerS: number | null;
  /** Times are RFC 3339. */
  startedAt: string;
  endedAt: string | null;
}

/** The time between two progress requests of a move, in ms. */
const LOOK_MS = 500;

/**
 * All calls retry temporary failures, and throw `PosthornError`: `queue_not_found`, `queue_unavailable`,
 * `invalid_field`, `connection_failed`, `timeout`, `aborted`, and those named below.
 */
export class QueueMessages {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Lists the messages that a queue holds, without taking them, page by page: ready and leased ones in the order of
   * delivery, then waiting and delayed ones in the order of their time.
   *
   * @example for await (const { id, dueAt } of posthorn.queueMessages.list('mails', { state: 'delayed' })) console.log(id, dueAt);
   */
  async *list(
    queue: string,
    { state, messageId, orderingKey }: MessageFilter = {},
    options: CallOptions = {},
  ): AsyncGenerator<HeldMessage> {
    const path = `${queuePath(queue)}/messages/list`;
    const text = (value: string | undefined) => (value === undefined ? value : encodeURIComponent(value));
    const filter = { state, message_id: text(messageId), ordering_key: text(orderingKey) };
    let after: string | undefined;
    do {
      const query = { ...filter, after };
      const page = await this.#transport.json<MessageList>({ method: 'GET', path, query, ...options });
      for (const json of page.messages) yield heldMessageOf(json);
      after = page.next;
    } while (after !== undefined);
  }

  /** @throws PosthornError `message_not_found`: it is done, or it has moved on */
  async get(queue: string, id: string, options: CallOptions = {}): Promise<HeldMessage> {
    const call = { method: 'GET' as const, path: messagePath(queue, id), ...options };
    return heldMessageOf(await this.#transport.json<HeldMessageJson>(call));
  }

  /**
   * Removes a message that is ready, waiting or delayed. It is not delivered any more once this resolves.
   *
   * @param options.deadLetter keeps it as a dead letter, with this reason for people
   * @throws PosthornError `message_not_found`; `message_leased`: a consumer has it
   */
  async cancel(
    queue: string,
    id: string,
    { deadLetter, ...options }: CallOptions & { deadLetter?: { reason?: string } } = {},
  ): Promise<MessageCancelled> {
    const reason = deadLetter?.reason;
    const query = {
      dead_letter: deadLetter ? 'true' : undefined,
      reason: reason === undefined ? reason : encodeURIComponent(reason),
    };
    const call = { method: 'DELETE' as const, path: messagePath(queue, id), query, ...options };
    return await this.#transport.json<MessageCancelled>(call, (error, attempt) => {
      // The reply to an earlier attempt was lost, and that attempt cancelled it.
      if (attempt > 1 && error.code === 'message_not_found')
        return { id, outcome: deadLetter ? 'dead_lettered' : 'cancelled' };
      throw error;
    });
  }

  /**
   * Makes a waiting or delayed message ready now, and has a ready one delivered before the others of its priority. Returns
   * its new id; null if the reply that had it was lost.
   *
   * @throws PosthornError `message_not_found`; `message_leased`; `message_keyed`: a ready message with an ordering key
   *   passes no other
   */
  async runNow(queue: string, id: string, options: CallOptions = {}): Promise<MessageRun> {
    const call = { method: 'POST' as const, path: `${messagePath(queue, id)}/run`, ...options };
    return await this.#transport.json<MessageRun>(call, (error, attempt) => {
      if (attempt > 1 && error.code === 'message_not_found') return { id: null, outcome: 'ready' };
      throw error;
    });
  }

  /**
   * Moves messages to another queue. Resolves when all have left. Each one moves once, whatever fails. Those that consumers
   * have stay.
   *
   * @param options.onProgress called with how far it is, about twice a second
   * @throws PosthornError `aborted` ends the waiting, not the move. Use `cancelMove` to end the move
   * @example await posthorn.queueMessages.move('mails', { to: 'mails-eu', ratePerS: 500 });
   */
  async move(
    queue: string,
    {
      onProgress,
      signal,
      timeoutMs,
      ...order
    }: MoveOptions & CallOptions & { onProgress?: (progress: MoveProgress) => void },
  ): Promise<MoveProgress> {
    const options = { signal, timeoutMs };
    const id = crypto.randomUUID();
    const path = queuePath(queue);
    const body = jsonBody({ id, ...wireOf(order) });
    let reply = await this.#transport.json<Move>({
      method: 'POST',
      path: `${path}/move`,
      ...body,
      ...options,
    });
    for (;;) {
      const progress = fromWire<MoveProgress>(reply);
      onProgress?.(progress);
      if (progress.state !== 'running') return progress;
      await sleep(LOOK_MS, signal);
      reply = await this.#transport.json<Move>({ method: 'GET', path: `${path}/moves/${id}`, ...options });
    }
  }

  /** Returns how many messages a move would take. */
  async moveDryRun(
    queue: string,
    { signal, timeoutMs, ...order }: MoveOptions & CallOptions,
  ): Promise<{ queue: string; wouldMove: number }> {
    const body = jsonBody({ dry_run: true, ...wireOf(order) });
    const path = `${queuePath(queue)}/move`;
    return fromWire(
      await this.#transport.json<MoveDryRun>({ method: 'POST', path, ...body, signal, timeoutMs }),
    );
  }

  /** The moves that the queue remembers, the oldest first. */
  async moves(queue: string, options: CallOptions = {}): Promise<MoveProgress[]> {
    const path = `${queuePath(queue)}/moves`;
    const { moves } = await this.#transport.json<{ moves: Move[] }>({ method: 'GET', path, ...options });
    return moves.map((move) => fromWire<MoveProgress>(move));
  }

  /** Stops a move. Messages that have left stay at their target. @throws PosthornError `move_not_found` */
  async cancelMove(queue: string, moveId: string, options: CallOptions = {}): Promise<MoveProgress> {
    const path = `${queuePath(queue)}/moves/${encodeURIComponent(moveId)}`;
    return fromWire(await this.#transport.json<Move>({ method: 'DELETE', path, ...options }));
  }
}

function wireOf({ states, ids, filter, to, limit, ratePerS }: MoveOptions): Record<string, unknown> {
  return {
    to: { queue: checkWideName('queue', to) },
    states,
    ids,
    filter: filter && toWire(filter),
    limit,
    rate_per_s: ratePerS,
  };
}

const messagePath = (queue: string, id: string): string =>
  `${queuePath(queue)}/messages/${encodeURIComponent(id)}`;

function heldMessageOf(json: HeldMessageJson): HeldMessage {
  const { last_error: error } = json;
  return {
    id: json.id,
    state: json.state,
    message: PeekedMessage.of(json),
    deliveryCount: json.delivery_count,
    failedAttempts: json.failed_attempts,
    dueAt: json.due_at ?? null,
    leaseExpiresAt: json.lease_expires_at ?? null,
    consumerId: json.consumer_id ?? null,
    lastError: error
      ? { type: error.type ?? null, message: error.message ?? null, stackTrace: error.stack_trace ?? null }
      : null,
  };
}
