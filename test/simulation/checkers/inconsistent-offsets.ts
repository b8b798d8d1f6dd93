import type { Checker } from './checker.ts';
import { placeOf } from './logs.ts';

/** Checker: every reader of an offset finds the same record, at any time. */
export const inconsistentOffsets: Checker = {
  name: 'inconsistent-offsets',
  promise: 'Offsets are immutable: all readers find the same record at one',
  check: (history) => {
    const seen = new Map<string, { id: string; timestamp: number; client: string }>();
    return history.of('fetch').flatMap(({ client, topic, partition, records }) =>
      records.flatMap(({ offset, id, timestamp }) => {
        const place = `${placeOf(topic, partition)}/${offset}`;
        const known = seen.get(place);
        seen.set(place, { id, timestamp, client });
        if (!known || (known.id === id && known.timestamp === timestamp)) return [];
        return [`${place} was ${known.id} for ${known.client} and ${id} for ${client}`];
      }),
    );
  },
};
