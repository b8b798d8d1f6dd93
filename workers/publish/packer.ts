/** Packer: packs the messages of a publish into batches, once for all destinations that get the same messages. */

import { packExchangeBatches } from '../../core/log/exchange-batch.ts';
import type { PublishRange } from '../../core/producers/gapped-sequences.ts';
import { concatenate } from '../../protocol/bytes.ts';
import { packBatches } from '../../protocol/record-batch/index.ts';
import type { Outgoing } from './outgoing.ts';

/** What is kept for destinations that get the same: a fanout gets all from one. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

export class Packer {
  readonly #outgoing: readonly Outgoing[];
  readonly #range: PublishRange | null;
  /** By kind, limit and number of messages. */
  readonly #packed = new Map<string, { indexes: readonly number[]; bytes: Uint8Array }[]>();
  #keptBytes = 0;

  /** @param range the sequences of the publish; null for one of no producer */
  constructor(outgoing: readonly Outgoing[], range: PublishRange | null) {
    this.#outgoing = outgoing;
    this.#range = range;
  }

  /** @param indexes places in the publish, in order */
  pack(indexes: readonly number[], bytesMax: number): Uint8Array {
    return this.#once('plain', indexes, bytesMax, () => packBatches(this.#records(indexes), { bytesMax }));
  }

  /** As batches that say which sequences their records have. Only for a publish of a producer. */
  packSequenced(indexes: readonly number[], bytesMax: number): Uint8Array {
    const range = this.#range!;
    const sequences = indexes.map((index) => range.sequence + index);
    return this.#once('sequenced', indexes, bytesMax, () =>
      concatenate(packExchangeBatches(this.#records(indexes), sequences, range, bytesMax)),
    );
  }

  #records(indexes: readonly number[]): Outgoing['record'][] {
    return indexes.map((index) => this.#outgoing[index]!.record);
  }

  #once(kind: string, indexes: readonly number[], bytesMax: number, pack: () => Uint8Array): Uint8Array {
    const key = `${kind} ${bytesMax} ${indexes.length} ${indexes[0]} ${indexes.at(-1)}`;
    const alike = this.#packed.get(key) ?? [];
    const known = alike.find((one) => one.indexes.every((index, place) => index === indexes[place]));
    if (known) return known.bytes;
    const bytes = pack();
    this.#keptBytes += bytes.length;
    if (this.#keptBytes <= KEPT_BYTES_MAX) this.#packed.set(key, [...alike, { indexes, bytes }]);
    return bytes;
  }
}
