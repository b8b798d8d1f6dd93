/** Got messages: what `basic.get` takes from queues, and how that is settled. */

import { openBody } from '../../sdk/claims/open-body.ts';
import type { Transport } from '../../sdk/client/transport.ts';
import { SettlementBatcher } from '../../sdk/consumer/settlement-batcher.ts';
import { settleOverHttp } from '../../sdk/consumer/settlement-entries.ts';
import { messagesOf, requestDeliveries } from '../../sdk/consumer/source/delivery-request.ts';
import type { ReceivedMessage, Settler } from '../../sdk/consumer/received-message.ts';

/** RabbitMQ's time limit of a consumer that does not acknowledge: nobody extends these leases. */
const LEASE_MS = 1_800_000;

const BATCH = { settleLingerMs: 0, settleBatch: 1_000 };

export class GotMessages {
  readonly #transport: Transport;
  readonly #consumerId: string;
  readonly #abort = new AbortController();
  /** By queue. */
  readonly #settlers = new Map<string, Settler>();

  constructor(transport: Transport, consumerId: string) {
    this.#transport = transport;
    this.#consumerId = consumerId;
  }

  /** Takes one message; null if there is none. */
  async take(queue: string): Promise<ReceivedMessage | null> {
    const frame = await requestDeliveries(this.#transport, {
      queue,
      consumerId: this.#consumerId,
      max: 1,
      waitMs: 0,
      leaseMs: LEASE_MS,
      isAutoAck: false,
      signal: this.#abort.signal,
    });
    const [message] = messagesOf(frame, this.#settlerOf(queue));
    if (message !== undefined) await this.#load(message);
    return message ?? null;
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

  #settlerOf(queue: string): Settler {
    let settler = this.#settlers.get(queue);
    if (settler === undefined) {
      settler = this.#newSettler(queue);
      this.#settlers.set(queue, settler);
    }
    return settler;
  }

  #newSettler(queue: string): Settler {
    const { retry } = this.#transport.config;
    const batcher = new SettlementBatcher(
      (frame, signal) => settleOverHttp(this.#transport, queue, this.#consumerId, frame, signal),
      { ...BATCH, retry },
      // A settlement that comes too late has no effect, as with every broker.
      { failed: () => {}, settled: () => {} },
      this.#abort.signal,
    );
    const acknowledge = (message: ReceivedMessage): void =>
      batcher.add({ message, settlement: { kind: 'ack' }, done: undefined });
    return {
      settle: (message, settlement) => {
        batcher.add({ message, settlement, done: undefined });
        return Promise.resolve();
      },
      acknowledge,
    };
  }
}
