/**
 * Got messages: what `basic.get` takes from queues, and how that is settled. Should this process die, the stream that keeps a
 * queue ends, and the broker gives back what was got. Should the broker die, the queue gives it back when it wakes. A lease is for the
 * case that it does not wake.
 */

import { READY_MESSAGES_HEADER } from '../../protocol/headers/media-types.ts';
import type { Queue } from '../../sdk/admin/queue-types.ts';
import type { Queues } from '../../sdk/admin/queues.ts';
import { openBody } from '../../sdk/claims/open-body.ts';
import type { Transport } from '../../sdk/client/transport.ts';
import { LeasedMessages } from '../../sdk/consumer/leased-messages.ts';
import { SettlementBatcher } from '../../sdk/consumer/settlement-batcher.ts';
import type { Settlement } from '../../sdk/consumer/settlement.ts';
import { settleOverHttp } from '../../sdk/consumer/settlement-entries.ts';
import { messagesOf, requestDeliveries } from '../../sdk/consumer/source/delivery-request.ts';
import type { ReceivedMessage, Settler } from '../../sdk/consumer/received-message.ts';
import type { QueueKeepers } from './queues/queue-keepers.ts';
import { SETTLE_LINGER_MS } from './sdk-consumer.ts';

/** Extended at half time, which is a row: long enough that almost every message is settled before. */
const LEASE_MS = 300_000;

/** Acknowledgements wait for others, as those of consumers: who gets messages in a loop would have a call and a commit for each. */
const BATCH = { settleLingerMs: SETTLE_LINGER_MS, settleBatch: 1_000 };

/** How what was got of a queue is settled. */
interface Settling {
  settler: Settler;
  batcher: SettlementBatcher;
}

export interface GotMessage {
  message: ReceivedMessage;
  /** Its queue, as it was when the connection first got something of it. */
  queue: Queue;
  /** How many messages are ready besides. */
  ready: number;
}

export class GotMessages {
  readonly #transport: Transport;
  readonly #queues: Queues;
  readonly #consumerId: string;
  readonly #abort = new AbortController();
  readonly #keepers: QueueKeepers;
  /** By queue. */
  readonly #settlings = new Map<string, Settling>();
  /** By name, with the ids of those that were deleted and made again. */
  readonly #known = new Map<string, { id: number; queue: Queue }>();
  readonly #leased = new LeasedMessages({
    extend: (message, leaseMs) => void message.extend(leaseMs),
    lost: () => {},
  });

  /** @param keepers of the same consumer id */
  constructor(transport: Transport, queues: Queues, consumerId: string, keepers: QueueKeepers) {
    this.#transport = transport;
    this.#queues = queues;
    this.#consumerId = consumerId;
    this.#keepers = keepers;
    this.#leased.leaseMs = LEASE_MS;
  }

  /** The connection has ended. Resolves when everything is settled that was: the end of a keeper gives back what is not. */
  async close(): Promise<void> {
    for (const message of this.#leased.all()) this.#leased.drop(message);
    await Promise.all([...this.#settlings.values()].map(({ batcher }) => batcher.idle()));
  }

  /** Takes one message; null if there is none. */
  async take(queue: string): Promise<GotMessage | null> {
    await this.#keepers.keep(queue, 'messages');
    const { batcher } = this.#settlingOf(queue);
    const got = await this.#take(queue);
    if (got !== null || batcher.unsettled === 0) return got;
    // A message may be held back behind one that is acknowledged, but not yet there.
    await batcher.idle();
    return await this.#take(queue);
  }

  async #take(queue: string): Promise<GotMessage | null> {
    const { bytes, headers } = await requestDeliveries(this.#transport, {
      queue,
      consumerId: this.#consumerId,
      max: 1,
      waitMs: 0,
      leaseMs: LEASE_MS,
      isAutoAck: false,
      signal: this.#abort.signal,
    });
    const [message] = messagesOf(bytes, this.#settlingOf(queue).settler);
    if (message === undefined) return null;
    this.#leased.take([message]);
    await this.#load(message);
    return { message, ...(await this.#about(queue, message, headers.get(READY_MESSAGES_HEADER))) };
  }

  /** @param ready as the reply had it */
  async #about(
    name: string,
    message: ReceivedMessage,
    ready: string | null,
  ): Promise<Omit<GotMessage, 'message'>> {
    const id = message.position.queueId;
    const known = this.#known.get(name);
    if (known?.id === id && ready !== null) return { queue: known.queue, ready: Number(ready) };
    try {
      const queue = await this.#queues.get(name);
      this.#known.set(name, { id, queue });
      // A broker of an older version does not say it with the message.
      return { queue, ready: ready === null ? queue.state.ready : Number(ready) };
    } catch (error) {
      await message.release();
      throw error;
    }
  }

  /** Gets a body that was too large for its message. One that cannot be had fails its delivery, as in a consumer. */
  async #load(message: ReceivedMessage): Promise<void> {
    try {
      await openBody(this.#transport, message, 'body', this.#abort.signal);
      void message.body;
    } catch (error) {
      await message.nack();
      throw error;
    }
  }

  #settlingOf(queue: string): Settling {
    let settling = this.#settlings.get(queue);
    if (settling === undefined) {
      settling = this.#newSettling(queue);
      this.#settlings.set(queue, settling);
    }
    return settling;
  }

  #newSettling(queue: string): Settling {
    const { retry } = this.#transport.config;
    const batcher = new SettlementBatcher(
      (frame, signal) => settleOverHttp(this.#transport, queue, this.#consumerId, frame, signal),
      { ...BATCH, retry },
      // A settlement that comes too late has no effect, as with every broker.
      { failed: ({ message }) => void this.#leased.drop(message), settled: () => {} },
      this.#abort.signal,
    );
    const settle = (message: ReceivedMessage, settlement: Settlement, done?: () => void): void => {
      if (settlement.kind !== 'extend') this.#leased.drop(message);
      batcher.add({ message, settlement, done });
    };
    const settler: Settler = {
      settle: (message, settlement) => new Promise((done) => settle(message, settlement, done)),
      acknowledge: (message) => settle(message, { kind: 'ack' }),
    };
    return { settler, batcher };
  }
}
