/** Known producers: what a partition tells of those that write records to it, in pages by id. */

import { sequenceAfter } from '../producers/sequences.ts';
import type { KnownProducer, Producer } from './producer-state.ts';

export interface ProducerView {
  id: number;
  epoch: number;
  /** Of the last record of the epoch; null: none is here. */
  lastSequence: number | null;
  lastMs: number;
  /** Where its open transaction begins in this log; null if none is open. */
  transactionStart: number | null;
}

export interface ProducerPage {
  producers: ProducerView[];
  /** There are more after this id. */
  next: number | null;
}

/** The first after an id. Producers that publish through exchanges have no sequences here. */
export function producersAfter(known: readonly KnownProducer[], after: number, limit: number): ProducerPage {
  const rest = known.filter((each): each is Producer => !('exchange' in each) && each.id > after);
  const page = rest.toSorted((a, b) => a.id - b.id).slice(0, limit);
  return { producers: page.map(viewOf), next: rest.length > limit ? page.at(-1)!.id : null };
}

function viewOf({ id, epoch, batches, lastMs, transactionStart }: Producer): ProducerView {
  const last = batches.at(-1);
  const lastSequence = last ? sequenceAfter(last.sequence, last.lastOffsetDelta) : null;
  return { id, epoch, lastSequence, lastMs, transactionStart };
}
