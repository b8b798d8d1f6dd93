/** Destination batches: the messages of a publish or of an outbox row, grouped by the destinations that get them. */

import { destinationKey, type Destination, type DestinationKind } from './binding.ts';

/** The messages of one destination. */
export interface DestinationBatch {
  destination: Destination;
  /** Positions of the messages among those that were grouped, in order. */
  indexes: number[];
}

/** @param destinations of each message */
export function batchesByDestination(destinations: Iterable<readonly Destination[]>): DestinationBatch[] {
  const batches = new Map<string, DestinationBatch>();
  let index = 0;
  for (const ofMessage of destinations) {
    for (const destination of ofMessage) {
      const key = destinationKey(destination);
      const batch = batches.get(key);
      if (batch) batch.indexes.push(index);
      else batches.set(key, { destination, indexes: [index] });
    }
    index += 1;
  }
  return [...batches.values()];
}

/** Returns the names of the queues and topics that get the batches. */
export function namesByKind(batches: readonly DestinationBatch[]): { queues: string[]; topics: string[] } {
  const namesOf = (kind: DestinationKind): string[] =>
    batches.flatMap(({ destination }) => (destination.kind === kind ? [destination.name] : []));
  return { queues: namesOf('queue'), topics: namesOf('topic') };
}
