/**
 * Occurrences: when a schedule publishes. Each occurrence becomes a publish with a number of its own before anything is
 * sent, in the same commit that moves the schedule on, so that neither a crash nor a second alarm makes it twice. A
 * publish stays until it is made; those of one schedule are made one after another.
 *
 * There is never more than one publish waiting for cron: what comes due meanwhile is missed, and caught up with as what
 * was missed in a downtime is.
 */

import type { ScheduleDeclaration } from '../../protocol/schemas/schedules.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';

/** The times that a cron expression gives, in ms. */
export interface CronTimes {
  /** The first one later than this. */
  after(ms: number): number | null;
  /** The last one at or before this. */
  lastUntil(ms: number): number | null;
}

export interface Publish {
  /** Grows by one a publish: what queues deduplicate by. */
  number: number;
  /** The first number that it had: part of its message id. */
  id: number;
  /** The time that it stands for, in ms. */
  occurrenceMs: number;
  by: 'cron' | 'trigger';
  attempts: number;
  /** When it was first tried, in ms. */
  firstMs: number;
  /** When it is to be tried next, in ms. */
  dueMs: number;
  /** Of the request that triggered it, if that had one. */
  trace?: TraceContext;
}

export interface Occurrences {
  /** The next occurrence, in ms; null if there is none. */
  nextMs: number | null;
  /** The number of the last publish. */
  number: number;
  /** In the order of their numbers. */
  pending: Publish[];
  /** The latest occurrence that came due by cron, in ms. Absent: none did. */
  latestMs?: number;
}

/** Alarms may be a minute late; what is later was missed. */
const LATE_MS_MAX = 60_000;

/** Triggers that wait; further ones are refused. */
export const PENDING_MAX = 20;

export function nextOccurrence(
  times: CronTimes,
  { ends_at: endsAt }: Pick<ScheduleDeclaration, 'ends_at'>,
  afterMs: number,
): number | null {
  const nextMs = times.after(afterMs);
  return nextMs === null || (endsAt !== null && nextMs > endsAt) ? null : nextMs;
}

/** What is due becomes a publish, once. The same object if nothing is. */
export function takeDue(
  state: Occurrences,
  config: Pick<ScheduleDeclaration, 'catch_up' | 'ends_at'>,
  times: CronTimes,
  nowMs: number,
): Occurrences {
  const { nextMs } = state;
  if (nextMs === null || nextMs > nowMs || state.pending.some(({ by }) => by === 'cron')) return state;
  const moved = { ...state, nextMs: nextOccurrence(times, config, nowMs) };
  if (config.catch_up === 'none' && nowMs - nextMs > LATE_MS_MAX) return moved;
  const untilMs = Math.min(nowMs, config.ends_at ?? Infinity);
  const latestMs = Math.max(nextMs, times.lastUntil(untilMs) ?? nextMs);
  return addPublish({ ...moved, latestMs }, latestMs, 'cron', nowMs);
}

export function addPublish(
  state: Occurrences,
  occurrenceMs: number,
  by: Publish['by'],
  nowMs: number,
  trace?: TraceContext,
): Occurrences {
  const number = state.number + 1;
  const publish: Publish = {
    number,
    id: number,
    occurrenceMs,
    by,
    attempts: 0,
    firstMs: nowMs,
    dueMs: nowMs,
    ...(trace && { trace }),
  };
  return { ...state, number, pending: [...state.pending, publish] };
}

/**
 * A publish that could not be made, put off.
 * @param isSpent its number was taken by a queue that refused the message: it needs another
 */
export function putOff(state: Occurrences, publish: Publish, dueMs: number, isSpent: boolean): Occurrences {
  const number = isSpent ? state.number + 1 : state.number;
  const later = {
    ...publish,
    attempts: publish.attempts + 1,
    dueMs,
    number: isSpent ? number : publish.number,
  };
  return {
    ...state,
    number,
    pending: state.pending.map((each) => (each.number === publish.number ? later : each)),
  };
}

export function removePublish(state: Occurrences, { number }: Publish): Occurrences {
  return { ...state, pending: state.pending.filter((each) => each.number !== number) };
}

/** When there is something to do, in ms; null: never. */
export function nextDue({ nextMs, pending }: Occurrences): number | null {
  const first = pending[0]?.dueMs ?? Infinity;
  const isHeld = pending.some(({ by }) => by === 'cron');
  const due = Math.min(first, isHeld ? Infinity : (nextMs ?? Infinity));
  return due === Infinity ? null : due;
}

/** The same for each attempt, and in the schedule of the same name that was made again another one. */
export function messageIdOf(
  schedule: { name: string; id: number },
  { occurrenceMs, by, id }: Publish,
): string {
  const what = `${schedule.name.slice(0, 180)}#${schedule.id}@${new Date(occurrenceMs).toISOString()}`;
  return by === 'cron' ? what : `${what}+${id}`;
}
