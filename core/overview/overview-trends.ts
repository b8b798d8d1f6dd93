/**
 * Overview trends: what single reports do not show. Dead letters become more, messages are older than usual, a lag does not shrink.
 * In memory alone: after a sleep of the overview they begin anew.
 */

import type { OverviewProblem } from '../../protocol/schemas/overview.ts';
import { LagProgress } from './lag-progress.ts';
import type { ObjectReport } from './object-report.ts';
import { UsualAge } from './usual-age.ts';

type Problem = Pick<OverviewProblem, 'problem' | 'detail'>;

/** Messages that nobody takes for so long, while nothing was delivered for a minute. */
const UNTAKEN_MS = 10_000;

/** What is known about a queue beside its report. */
export interface QueueSurroundings {
  /** Of a second, over the last minute. */
  readonly delivered: number;
  readonly deadLettered: number;
  /** The queues whose dead letters it takes. */
  readonly sources: readonly string[];
}

export class OverviewTrends {
  readonly #ages = new Map<string, UsualAge>();
  /** By object, then by group. */
  readonly #lags = new Map<string, Map<string, LagProgress>>();

  note(key: string, report: ObjectReport, nowMs: number): void {
    if (report.kind === 'queue') {
      const age = this.#ages.get(key) ?? new UsualAge();
      this.#ages.set(key, age);
      age.add(ageOf(report.state.oldest_ms, nowMs));
      return;
    }
    if (report.state.groups.length === 0) return void this.#lags.delete(key);
    const known = this.#lags.get(key);
    const lags = new Map<string, LagProgress>();
    for (const lag of report.state.groups) {
      const name = `${lag.kind} ${lag.group}`;
      const progress = known?.get(name);
      progress?.add(lag, nowMs);
      lags.set(name, progress ?? new LagProgress(lag, nowMs));
    }
    this.#lags.set(key, lags);
  }

  forget(key: string): void {
    this.#ages.delete(key);
    this.#lags.delete(key);
  }

  problemsOfQueue(
    key: string,
    { state }: Extract<ObjectReport, { kind: 'queue' }>,
    { delivered, deadLettered, sources }: QueueSurroundings,
    nowMs: number,
  ): Problem[] {
    const found: Problem[] = [];
    const inAMinute = Math.round(deadLettered * 60);
    if (inAMinute > 0)
      found.push({
        problem: 'dead_letters_growing',
        detail: `${counted(inAMinute, 'message')} died within the last minute`,
      });
    if (sources.length > 0) {
      const detail = `${counted(state.ready, 'dead letter')} of ${sources.slice(0, 3).join(', ')}`;
      if (state.ready > 0)
        found.push({ problem: 'dead_letters', detail: detail + (sources.length > 3 ? ' and others' : '') });
      return found; // they wait for somebody to look, so their age says nothing
    }
    if (state.is_paused) return found;
    const ageMs = ageOf(state.oldest_ms, nowMs);
    const waits = `${counted(state.ready, 'message')} waiting, the oldest for ${Math.floor(ageMs / 1_000)} s`;
    if (state.consumers === 0 && delivered === 0 && ageMs >= UNTAKEN_MS)
      found.push({ problem: 'no_consumer', detail: waits });
    else if (ageMs > (this.#ages.get(key)?.limitMs() ?? Infinity))
      found.push({ problem: 'old_messages', detail: `${waits}, longer than usual` });
    return found;
  }

  /** Groups whose lag of the partition does not shrink. */
  stuckGroups(key: string, nowMs: number): string[] {
    return [...(this.#lags.get(key) ?? [])].flatMap(([group, progress]) =>
      progress.isStuck(nowMs) ? [group] : [],
    );
  }
}

function ageOf(oldestMs: number | null, nowMs: number): number {
  return oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
