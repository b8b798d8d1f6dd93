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
  /** Messages for each lane, in order. */
  stored: Map<number, Arrival[]>;
  /** Delayed messages, grouped by due time and lane, in order. */
  parked: { dueMs: number; lane: number; arrivals: Arrival[] }[];
  /** Message ids that the queue has to remember until a time. */
  ids: { id: string; untilMs: number }[];
  /** Refused messages that become dead letters. */
  dead: Arrival[];
  exceptions: { index: number; outcome: 'duplicate' | 'rejected' }[];
  /** True if there was no room for a message, and all messages after it are refused. */
  isCutShort: boolean;
}

export interface AdmissionRules {
  /** True if another queue hands the messages on. They are known by their numbers, because this queue may have seen their message ids. */
  isTransfer: boolean;
  /** True if a refused message comes again, and later messages must not overtake it. */
  keepsOrder: boolean;
}

export function noArrivals(): Arrivals {
  return { stored: new Map(), parked: [], ids: [], dead: [], exceptions: [], isCutShort: false };
}

/**
 * Decides on one message after another. `pending` counts the messages and bytes that this commit has accepted and that are
 * not in the state yet.
 *
 * With `keepsOrder`, a message without room is refused together with all messages after it, because it comes again. This
 * does not apply if the queue sends refused messages to its dead letters, because then they do not come again.
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

/** Returns whether the queue can accept a batch without a look at each message. */
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
