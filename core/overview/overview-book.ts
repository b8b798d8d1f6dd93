/**
 * Overview book: the last report of each object of a namespace, and what follows from all of them. Totals of counters outlive
 * the sleep of an object, and those of the namespace outlive the object.
 */

import type {
  GroupOverview,
  Overview,
  OverviewCounters,
  OverviewProblem,
  QueueOverview,
  TopicOverview,
} from '../../protocol/schemas/overview.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import { minus, NO_COUNTERS, plus } from './counters.ts';
import { ceilingProblem, type CeilingUse } from './ceiling-problem.ts';
import { isForgotten, keyOf, type Forgotten, type ObjectReport } from './object-report.ts';
import { byGravity, problemsOf } from './problems.ts';
import { lagMetrics, partitionMetrics, queueMetrics } from './metrics-snapshot.ts';
import { OffsetTimes } from './offset-times.ts';
import { OverviewTrends } from './overview-trends.ts';
import { NO_RATES, RecentCounts, summed } from './recent-counts.ts';

/** What is kept of an object. */
export interface Entry {
  readonly report: ObjectReport;
  readonly atMs: number;
  /** Counted by the object before it woke last. */
  readonly before: OverviewCounters;
}

type QueueEntry = Entry & { readonly report: Extract<ObjectReport, { kind: 'queue' }> };
type PartitionEntry = Entry & { readonly report: Extract<ObjectReport, { kind: 'partition' }> };

/** What deleted objects have counted, by their kind. */
export type Gone = Readonly<Record<ObjectReport['kind'], OverviewCounters>>;

export const NONE_GONE: Gone = { queue: NO_COUNTERS, partition: NO_COUNTERS };

export class OverviewBook {
  readonly #entries = new Map<string, Entry>();
  readonly #recent = new Map<string, RecentCounts>();
  readonly #sinceMs: number;
  readonly #recentOfAll: RecentCounts;
  readonly #trends = new OverviewTrends();
  /** Of partitions. */
  readonly #offsetTimes = new Map<string, OffsetTimes>();
  /** Of objects that were deleted. */
  #gone: Gone;
  readonly #namespace: string;
  /** How near the cost ceiling is; null: not near. */
  ceiling: CeilingUse | null;

  constructor(
    namespace: string,
    entries: readonly Entry[],
    gone: Gone,
    ceiling: CeilingUse | null,
    nowMs: number,
  ) {
    this.#namespace = namespace;
    this.ceiling = ceiling;
    for (const entry of entries) {
      const key = keyOf(entry.report);
      this.#entries.set(key, entry);
      this.#trends.note(key, entry.report, nowMs);
      this.#noteOffsets(key, entry);
    }
    this.#gone = gone;
    this.#sinceMs = nowMs;
    this.#recentOfAll = new RecentCounts(nowMs);
  }

  get gone(): Gone {
    return this.#gone;
  }

  get entries(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Decides what to keep of a report. Null: nothing, because a later one came before it. Changes nothing. */
  entryFor(report: ObjectReport, nowMs: number): Entry | null {
    const known = this.#entries.get(keyOf(report));
    if (!known) return { report, atMs: nowMs, before: NO_COUNTERS };
    if (known.report.wake !== report.wake) return { report, atMs: nowMs, before: totalOf(known) };
    return report.number > known.report.number ? { report, atMs: nowMs, before: known.before } : null;
  }

  put(entry: Entry): void {
    const key = keyOf(entry.report);
    const known = this.#entries.get(key);
    const more = minus(totalOf(entry), known ? totalOf(known) : NO_COUNTERS);
    this.#entries.set(key, entry);
    const recent = this.#recent.get(key) ?? new RecentCounts(this.#sinceMs);
    recent.add(more, entry.atMs);
    this.#recent.set(key, recent);
    this.#trends.note(key, entry.report, entry.atMs);
    this.#noteOffsets(key, entry);
    this.#recentOfAll.add(more, entry.atMs);
  }

  /** Removes what was deleted. @returns the keys of what was there */
  forget(what: Forgotten): string[] {
    const keys: string[] = [];
    for (const [key, entry] of this.#entries) {
      if (!isForgotten(what, entry.report)) continue;
      keys.push(key);
      const { kind } = entry.report;
      this.#gone = { ...this.#gone, [kind]: plus(this.#gone[kind], totalOf(entry)) };
      this.#entries.delete(key);
      this.#recent.delete(key);
      this.#trends.forget(key);
      this.#offsetTimes.delete(key);
    }
    return keys;
  }

  /** Returns where partitions of topics end, by the id of the topic and by partition. */
  endsOf(topicIds: ReadonlySet<number>): Map<number, number[]> {
    const ends = new Map<number, number[]>();
    for (const { report } of this.#partitions()) {
      const { id, partition, state } = report;
      if (!topicIds.has(id)) continue;
      const ofTopic = ends.get(id) ?? [];
      ends.set(id, ofTopic);
      ofTopic[partition] = state.high_watermark;
    }
    return ends;
  }

  storedBytes(): number {
    let bytes = 0;
    for (const { report } of this.#entries.values()) bytes += report.state.stored_bytes;
    return bytes;
  }

  overview(limit: number, nowMs: number): Overview {
    const queues = this.#queues();
    const topics = this.topics(nowMs);
    const groups = this.groups();
    const problems = this.problems(nowMs);
    const state = (of: (entry: QueueEntry) => number): number => sum(queues.map(of));
    return {
      at: nowMs,
      totals: {
        queues: queues.length,
        topics: topics.length,
        partitions: this.#entries.size - queues.length,
        groups: groups.length,
        ready: state(({ report }) => report.state.ready),
        leased: state(({ report }) => report.state.leased),
        parked: state(({ report }) => report.state.parked),
        outgoing: state(({ report }) => report.state.outgoing),
        consumers: state(({ report }) => report.state.consumers),
        lag: sum(groups.map(({ lag }) => lag)),
        stored_bytes: this.storedBytes(),
        problems: problems.length,
      },
      counters: [...this.#entries.values()].reduce(
        (all, entry) => plus(all, totalOf(entry)),
        plus(this.#gone.queue, this.#gone.partition),
      ),
      rates: this.#recentOfAll.rates(nowMs),
      problems: problems.slice(0, limit),
      queues: this.fullestQueues(0, limit, nowMs),
      topics: topics.slice(0, limit),
      groups: groups.slice(0, limit),
    };
  }

  /** Those with the most ready messages first. */
  fullestQueues(from: number, limit: number, nowMs: number): (QueueOverview & { queue: string })[] {
    return this.#queues()
      .sort(
        (one, other) => other.report.state.ready - one.report.state.ready || byName(one.report, other.report),
      )
      .slice(from, from + limit)
      .map((entry) => ({ queue: entry.report.name, ...this.#queueOverview(entry, nowMs) }));
  }

  queuesNamed(names: ReadonlySet<string>, nowMs: number): Record<string, QueueOverview> {
    const wanted = this.#queues().filter(({ report }) => names.has(report.name));
    return Object.fromEntries(wanted.map((entry) => [entry.report.name, this.#queueOverview(entry, nowMs)]));
  }

  lags(kind: 'topics' | 'groups', names: ReadonlySet<string>, nowMs: number): Record<string, number | null> {
    const lags: [string, number | null][] =
      kind === 'topics'
        ? this.topics(nowMs).map(({ topic, lag }) => [topic, lag])
        : this.groups().flatMap(({ kind: of, group, lag }) => (of === 'group' ? [[group, lag]] : []));
    return Object.fromEntries(lags.filter(([name]) => names.has(name)));
  }

  /** Those furthest behind first. */
  topics(nowMs: number): TopicOverview[] {
    const byTopic = Map.groupBy(this.#partitions(), ({ report }) => report.name);
    return [...byTopic]
      .map(([topic, partitions]): TopicOverview => {
        const lags = partitions.flatMap(({ report }) => report.state.groups);
        const byGroup = [...Map.groupBy(lags, ({ kind, group }) => `${kind} ${group}`).values()];
        return {
          topic,
          partitions: partitions.length,
          size_bytes: sum(partitions.map(({ report }) => report.state.size_bytes)),
          stored_bytes: sum(partitions.map(({ report }) => report.state.stored_bytes)),
          lag: byGroup.length === 0 ? null : Math.max(...byGroup.map((of) => sum(of.map(({ lag }) => lag)))),
          reported_at: Math.max(...partitions.map(({ atMs }) => atMs)),
          counters: partitions.map(totalOf).reduce(plus),
          rates: summed(partitions.map((entry) => this.#ratesOf(entry, nowMs))),
        };
      })
      .sort(
        (one, other) =>
          compare(other.lag ?? -1, one.lag ?? -1) || other.counters.records - one.counters.records,
      );
  }

  /** Those furthest behind first. */
  groups(): GroupOverview[] {
    const lags = this.#partitions().flatMap(({ report }) =>
      report.state.groups.map((lag) => ({ ...lag, topic: report.name })),
    );
    return [...Map.groupBy(lags, ({ kind, group }) => `${kind} ${group}`).values()]
      .map((of) => ({
        group: of[0]!.group,
        kind: of[0]!.kind,
        topics: [...new Set(of.map(({ topic }) => topic))],
        lag: sum(of.map(({ lag }) => lag)),
      }))
      .sort((one, other) => other.lag - one.lag || compare(one.group, other.group));
  }

  /** All but subscriptions. */
  metrics(nowMs: number): Omit<MetricsSnapshot, 'subscriptions'> {
    const queues = this.#queues();
    const partitions = this.#partitions();
    const rowsOf = (entries: readonly Entry[], gone: OverviewCounters): number =>
      sum(entries.map((entry) => totalOf(entry).rows_written)) + gone.rows_written;
    const counted = <Of extends Entry>(entries: readonly Of[]) =>
      entries.map((entry) => ({ report: entry.report as Of['report'], counters: totalOf(entry) }));
    const problems = Map.groupBy(this.problems(nowMs), ({ problem }) => problem);
    return {
      atMs: nowMs,
      queues: queueMetrics(counted(queues)),
      partitions: partitionMetrics(counted(partitions)),
      lags: lagMetrics(counted(partitions), (report) => this.#offsetTimes.get(keyOf(report)), nowMs),
      objects: { queue: queues.length, partition: partitions.length },
      rows: { queue: rowsOf(queues, this.#gone.queue), partition: rowsOf(partitions, this.#gone.partition) },
      problems: Object.fromEntries([...problems].map(([problem, of]) => [problem, of.length])),
    };
  }

  #noteOffsets(key: string, { report, atMs }: Entry): void {
    if (report.kind !== 'partition') return;
    const times = this.#offsetTimes.get(key) ?? new OffsetTimes();
    this.#offsetTimes.set(key, times);
    times.add(report.state.high_watermark, atMs);
  }

  /** The worst first. */
  problems(nowMs: number): OverviewProblem[] {
    const ofObjects = [...this.#entries.values()].flatMap(({ report }) => problemsOf(report));
    const ofNamespace = ceilingProblem(this.#namespace, this.ceiling, nowMs);
    return [...ofNamespace, ...ofObjects, ...this.#queueTrends(nowMs), ...this.#stuckLags(nowMs)].sort(
      byGravity,
    );
  }

  #queueTrends(nowMs: number): OverviewProblem[] {
    const queues = this.#queues();
    const sources = Map.groupBy(queues, ({ report }) => report.state.dead_letter_queue);
    return queues.flatMap((entry) => {
      const { report } = entry;
      const { delivered, dead_lettered: deadLettered } = this.#ratesOf(entry, nowMs);
      const around = {
        delivered,
        deadLettered,
        sources: (sources.get(report.name) ?? []).map((source) => source.report.name),
      };
      const found = this.#trends.problemsOfQueue(keyOf(report), report, around, nowMs);
      return found.map((problem) => ({ ...problem, kind: 'queue' as const, name: report.name }));
    });
  }

  #stuckLags(nowMs: number): OverviewProblem[] {
    const stuck = new Set(
      this.#partitions().flatMap(({ report }) => this.#trends.stuckGroups(keyOf(report), nowMs)),
    );
    if (stuck.size === 0) return [];
    return this.groups().flatMap(({ kind, group, lag, topics }) =>
      stuck.has(`${kind} ${group}`)
        ? [
            {
              problem: 'lag_stuck' as const,
              kind,
              name: group,
              detail: `${lag} records of ${topics.slice(0, 3).join(', ')} behind, no fewer for 5 minutes`,
            },
          ]
        : [],
    );
  }

  #queues(): QueueEntry[] {
    return [...this.#entries.values()].filter((entry): entry is QueueEntry => entry.report.kind === 'queue');
  }

  #partitions(): PartitionEntry[] {
    return [...this.#entries.values()].filter(
      (entry): entry is PartitionEntry => entry.report.kind === 'partition',
    );
  }

  #queueOverview(entry: QueueEntry, nowMs: number): QueueOverview {
    return {
      ...entry.report.state,
      reported_at: entry.atMs,
      counters: totalOf(entry),
      rates: this.#ratesOf(entry, nowMs),
    };
  }

  #ratesOf({ report }: Entry, nowMs: number) {
    const key = keyOf(report);
    const recent = this.#recent.get(key);
    if (!recent) return NO_RATES;
    const rates = recent.rates(nowMs);
    if (recent.isEmpty) this.#recent.delete(key);
    return rates;
  }
}

/** Returns what the object has counted since it was first seen. */
export function totalOf({ report, before }: Entry): OverviewCounters {
  return plus(before, report.counters);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function byName(one: { name: string }, other: { name: string }): number {
  return compare(one.name, other.name);
}

function compare<Value extends string | number>(one: Value, other: Value): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
