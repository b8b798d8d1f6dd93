/**
 * Who a producer is to the broker, and which sequence comes next in each partition: what lets the broker store a batch
 * once however often it is sent. A batch keeps its sequence over all attempts. One that is given up leaves a gap, and
 * nobody knows whether it was stored: its partition goes on in the next epoch, where late copies of it are refused.
 */

import { PRODUCER_EPOCH_MAX } from '../../protocol/limits.ts';
import type { ProducerReply } from '../../protocol/producers.ts';
import { jsonBody, jsonOf, type Transport } from '../client/transport.ts';
import type { Batch } from './batch.ts';

export interface Identity {
  id: number;
  epoch: number;
}

interface Line {
  id: number;
  epoch: number;
  next: number;
}

/** Sequences are int32. */
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

  /** Gives batches that have none their sequence, in the order in which they go. */
  async assign(topic: string, batches: readonly Batch[], signal: AbortSignal): Promise<void> {
    if (batches.every(({ producer }) => producer !== null)) return;
    const identity = this.#identity ?? (await this.#ask(signal));
    for (const batch of batches) {
      if (batch.producer !== null) continue;
      const line = this.#line(topic, batch.partition, identity);
      const { id, epoch, next } = line;
      batch.identify({ id, epoch, sequence: next, isTransactional: this.transactionalId !== undefined });
      line.next = (next + batch.records.length) % SEQUENCES;
    }
  }

  /** The batch is not sent again as it is. */
  abandon(topic: string, batch: Batch): void {
    const given = batch.producer;
    if (given === null) return;
    const line = this.#lines.get(keyOf(topic, batch.partition));
    if (line?.id !== given.id || line.epoch !== given.epoch) return;
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

  #line(topic: string, partition: number, identity: Identity): Line {
    const key = keyOf(topic, partition);
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, (line = { ...identity, next: 0 }));
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

const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
