/** Arrival: decides whether a published message is stored in a lane, parked, refused, or a known duplicate. */

import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { countDeath } from '../dead-letters/dead-letter.ts';
import { noteExpiry } from '../state/expiry-look.ts';
import type { ArrivalMetadata } from '../state/message-metadata.ts';
import { publishLane } from '../state/lane.ts';
import { isOver } from './limits.ts';
import type { QueueMachine } from '../state/queue-machine.ts';

/** A message to be published, with its index in the request. */
export interface Arrival {
  index: number;
  record: LogRecord;
  metadata: ArrivalMetadata;
  bytes: number;
}

export interface Arrivals {
  /** By lane, in order. */
  stored: Map<number, Arrival[]>;
  /** By when they are due and lane, in order. */
  parked: { dueMs: number; lane: number; arrivals: Arrival[] }[];
  /** Message ids to be remembered until a time. */
  ids: { id: string; untilMs: number }[];
  /** Refused and to be dead-lettered. */
  dead: Arrival[];
  exceptions: { index: number; outcome: 'duplicate' | 'rejected' }[];
  /** There was no room for one, and all that follow it are refused. */
  isCutShort: boolean;
}

export interface AdmissionRules {
  /** Another queue hands them on: they are known by their numbers, not by their message ids, which this one may have seen. */
  isTransfer: boolean;
  /** What is refused comes again, and must not be overtaken by what follows it. */
  keepsOrder: boolean;
}

export function noArrivals(): Arrivals {
  return { stored: new Map(), parked: [], ids: [], dead: [], exceptions: [], isCutShort: false };
}

/**
 * Decides on one message after another. `pending` are the messages and bytes that were let in by this commit and are not
 * in the state yet.
 *
 * If there is no room for a message that comes again until it is taken (`keepsOrder`), it and all that follow are refused,
 * unless the queue sends what it refuses to its dead letters, which is an end.
 */
export function admit(
  state: QueueMachine,
  arrivals: readonly Arrival[],
  pending: { count: number; bytes: number },
  nowMs: number,
  { isTransfer, keepsOrder }: AdmissionRules,
): Arrivals {
  const { config, dedup } = state;
  const result = noArrivals();
  const waiting = { count: 0, bytes: 0 };
  for (const arrival of arrivals) {
    const { metadata, index } = arrival;
    const id = config.dedup_window_ms > 0 && !isTransfer ? metadata.messageId : null;
    if (id !== null && dedup.has(id, nowMs)) {
      result.exceptions.push({ index, outcome: 'duplicate' });
      continue;
    }
    const count = pending.count + waiting.count + 1;
    const bytes = pending.bytes + waiting.bytes + arrival.bytes;
    if (refuses(state) && isOver(state, count, bytes)) {
      const isDead = config.overflow === 'reject-publish-dlx' && config.dead_letter !== 'none';
      if (keepsOrder && (isTransfer || !isDead)) {
        result.isCutShort = true;
        for (const { index: refused } of arrivals.slice(arrivals.indexOf(arrival)))
          result.exceptions.push({ index: refused, outcome: 'rejected' });
        break;
      }
      if (isDead) {
        countDeath(state, 'maxlen');
        result.dead.push(arrival);
      }
      result.exceptions.push({ index, outcome: 'rejected' });
      continue;
    }
    if (id !== null) {
      const untilMs = nowMs + config.dedup_window_ms;
      dedup.add(id, untilMs);
      result.ids.push({ id, untilMs });
    }
    const lane = publishLane(Math.min(metadata.priority, config.max_priority));
    if (metadata.dueMs !== null && metadata.dueMs > nowMs) {
      waiting.count += 1;
      waiting.bytes += arrival.bytes;
      park(result, metadata.dueMs, lane, arrival);
    } else {
      pending.count += 1;
      pending.bytes += arrival.bytes;
      noteExpiry(state, metadata);
      const stored = result.stored.get(lane);
      if (stored) stored.push(arrival);
      else result.stored.set(lane, [arrival]);
    }
  }
  return result;
}

/** True if a batch needs no look at its messages one by one. */
export function takesWhole(state: QueueMachine, count: number, bytes: number): boolean {
  return !refuses(state) || !isOver(state, count, bytes);
}

function refuses(state: QueueMachine): boolean {
  return state.config.overflow !== 'drop-head';
}

function park(result: Arrivals, dueMs: number, lane: number, arrival: Arrival): void {
  const group = result.parked.find((known) => known.dueMs === dueMs && known.lane === lane);
  if (group) group.arrivals.push(arrival);
  else result.parked.push({ dueMs, lane, arrivals: [arrival] });
}
