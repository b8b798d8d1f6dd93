/** A schedule: its next occurrence, and publishes that are not made yet. */

import { nextDue } from '../../../core/schedules/occurrences.ts';
import { ScheduleStore } from '../../../durable-objects/schedule/schedule-store.ts';
import type { Due, Look } from './due.ts';

export function dueInSchedule({ sql }: Look): Due[] {
  const stored = new ScheduleStore(sql).read();
  const atMs = stored && nextDue(stored.state);
  return atMs === null ? [] : [{ what: 'an occurrence', atMs, withinMs: 0 }];
}
