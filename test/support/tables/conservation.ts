/**
 * Conservation: every message that was published is in exactly one place.
 *
 *   published = ready + leased + parked + settled + dead-lettered + expired + dropped + replayed
 *
 * Counted since the object woke; what it held then counts as published.
 */

import { readyCount, type QueueMachine } from '../../../core/queue/state/queue-machine.ts';

/** What is wrong with the state, in words; null if it holds. Walks all that is in flight: for tests. */
export function conservationProblem(state: QueueMachine): string | null {
  const { published, settled, deadLettered, expired, dropped, replayed } = state.counters;
  const held = readyCount(state) + state.leased + state.parked;
  const gone = settled + deadLettered + expired + dropped + replayed;
  if (published !== held + gone) {
    return `${published} published, but ${held} held and ${gone} gone: ${JSON.stringify(state.counters)}`;
  }
  let leased = 0;
  let returned = 0;
  for (const lane of state.lanes) {
    let end = 0;
    for (const segment of lane?.inFlight ?? []) {
      const { extent } = segment;
      if (extent.baseOffset < end)
        return `lane ${extent.lane}: segments out of order at ${extent.baseOffset}`;
      if (segment.returned < 0 || segment.isComplete)
        return `lane ${extent.lane}: ${extent.baseOffset} is done with`;
      end = extent.nextOffset;
      leased += segment.leases.reduce((sum, lease) => sum + lease.end - lease.start, 0);
      returned += segment.returned;
      const leaseInPast = segment.leases.find(({ expiresAtMs }) => expiresAtMs < state.earliestExpiryMs);
      if (leaseInPast) return 'a lease expires before the earliest expiry';
    }
    if (lane && lane.cursor > lane.nextOffset) return `lane ${lane.lane}: its cursor is past its end`;
  }
  if (leased !== state.leased) return `${state.leased} leased, but leases hold ${leased}`;
  if (returned !== state.returned) return `${state.returned} returned, but segments hold ${returned}`;
  return null;
}
