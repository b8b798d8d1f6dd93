/**
 * Sequences: the identity of a producer, and its next sequence in each partition or queue. They let the broker store a
 * batch once however often it is sent. A batch keeps its sequence over all attempts. A batch that is given up leaves a
 * gap, and nobody knows whether it was stored. So its partition or queue continues in the next epoch, in which late
 * copies are refused.
 */

import { PRODUCER_EPOCH_MAX } from '../../protocol/limits.ts';
import type { ProducerReply } from '../../protocol/schemas/producers.ts';
import { jsonBody, jsonOf, type Transport } from '../client/transport.ts';

export interface Identity {
  id: number;
  epoch: number;
}

/** Who sends a batch, and its place among the batches of its partition or queue. */
export interface BatchProducer extends Identity {
  /** Of its first record. */
  sequence: number;
  isTransactional: boolean;
}

export interface SequencedBatch {
  /** Null until it goes for the first time, and if the producer is not idempotent. */
  readonly producer: BatchProducer | null;
  /** Records in it. */
  readonly count: number;
  /** Makes it the producer's, with a sequence of its own. */
  identify(producer: BatchProducer): void;
}

interface Line {
  id: number;
  epoch: number;
  next: number;
}

/** Sequences are int32. Of partitions and queues they go on at 0 after the last. */
const SEQUENCES = 2 ** 31;

export class Sequences {
  readonly transactionalId: string | undefined;
  readonly #make: (signal: AbortSignal) => Promise<Identity>;
  #identity: Identity | null = null;
  #making: Promise<Identity> | null = null;
  readonly #lines = new Map<string, Line>();

  /** @param make asks the broker; in a transaction the identity is given by `renew` */
  constructor(make: (signal: AbortSignal) => Promise<Identity>, transactionalId?: string) {
    this.#make = make;
    this.transactionalId = transactionalId;
  }

  /** Begins anew as this producer: all sequences are 0. Nothing may be on its way. */
  renew(identity: Identity): void {
    this.#identity = identity;
    this.#lines.clear();
  }

  /**
   * Gives batches that have none their sequence, in the order in which they go.
   * @param addressOf names the partition, queue or exchange of a batch
   * @param endsEpochs whether the last sequence ends the epoch, as it does for exchanges
   */
  async assign<Batch extends SequencedBatch>(
    batches: readonly Batch[],
    addressOf: (batch: Batch) => string,
    signal: AbortSignal,
    endsEpochs = false,
  ): Promise<void> {
    if (batches.every(({ producer }) => producer !== null)) return;
    for (const batch of batches) {
      if (batch.producer !== null) continue;
      const address = addressOf(batch);
      let line = this.#line(address, this.#identity ?? (await this.#ask(signal)));
      if (endsEpochs && line.next + batch.count > SEQUENCES) {
        this.#endEpoch(line);
        line = this.#line(address, this.#identity ?? (await this.#ask(signal)));
      }
      const { id, epoch, next } = line;
      batch.identify({ id, epoch, sequence: next, isTransactional: this.transactionalId !== undefined });
      line.next = (next + batch.count) % SEQUENCES;
    }
  }

  /** The batch is not sent again as it is. */
  abandon(address: string, { producer: given }: SequencedBatch): void {
    if (given === null) return;
    const line = this.#lines.get(address);
    if (line?.id === given.id && line.epoch === given.epoch) this.#endEpoch(line);
  }

  #endEpoch(line: Line): void {
    line.epoch += 1;
    line.next = 0;
    if (line.epoch <= PRODUCER_EPOCH_MAX) return;
    this.#identity = null;
    this.#lines.clear();
  }

  #ask(signal: AbortSignal): Promise<Identity> {
    this.#making ??= this.#make(signal)
      .then((identity) => (this.#identity = identity))
      .finally(() => (this.#making = null));
    return this.#making;
  }

  #line(address: string, identity: Identity): Line {
    let line = this.#lines.get(address);
    if (line === undefined) this.#lines.set(address, (line = { ...identity, next: 0 }));
    return line;
  }
}

/** One attempt. */
export async function makeProducer(
  transport: Transport,
  fields: { transactional_id?: string; transaction_timeout_ms?: number },
  signal?: AbortSignal,
): Promise<Identity> {
  const reply = await transport.call({ method: 'POST', path: '/producers', ...jsonBody(fields), signal });
  const { id, epoch } = jsonOf<ProducerReply>(reply);
  return { id, epoch };
}
