/**
 * Stored runs: where the messages of a publish are, by destination. Adjacent messages in one destination form one run.
 */

import type { PublishedMessage, StoredRuns } from '../../protocol/schemas/exchanges.ts';

export function storedRuns(published: readonly PublishedMessage[]): StoredRuns[] {
  const byDestination = new Map<string, StoredRuns>();
  published.forEach(({ destinations }, place) => {
    for (const { kind, name, partition, offset } of destinations) {
      const key = `${kind} ${name} ${partition ?? ''}`;
      let destination = byDestination.get(key);
      if (destination === undefined) {
        destination = { kind, name, ...(partition !== undefined && { partition }), runs: [] };
        byDestination.set(key, destination);
      }
      const last = destination.runs[destination.runs.length - 1];
      if (last && continues(last, place, offset)) last[1]! += 1;
      else destination.runs.push(offset === undefined ? [place, 1] : [place, 1, offset]);
    }
  });
  return [...byDestination.values()];
}

function continues(
  [first, count, firstOffset]: number[],
  place: number,
  offset: number | undefined,
): boolean {
  if (first! + count! !== place) return false;
  return offset === undefined || firstOffset! + count! === offset;
}
