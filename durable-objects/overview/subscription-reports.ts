/**
 * Subscription reports of a namespace, for metrics.
 *
 *   subscriptions   a row per subscription that has reported: its last report as JSON. Replaced with each, every ten seconds at
 *                   most, and removed with the subscription. Absent: none has reported. Made with the first report
 */

import { subscriptionMetrics } from '../../core/metrics/subscription-metrics.ts';
import type { SubscriptionReport } from '../../core/metrics/subscription-report.ts';
import { endsText, type RestingPlace } from '../../core/subscription/rest.ts';
import { hasTable, type Sql } from '../storage/sql.ts';

/** How many deletions are remembered. */
const GONE_MAX = 1_000;

export class SubscriptionReports {
  readonly #sql: Sql;
  readonly #reports = new Map<string, SubscriptionReport>();
  #isMade: boolean;
  /** Ids of deleted subscriptions by name: a report that was under way brings none back. */
  readonly #gone = new Map<string, number>();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'subscriptions');
    if (!this.#isMade) return;
    for (const { json } of sql.all<{ json: string }>('SELECT json FROM subscriptions')) {
      const report = JSON.parse(json) as SubscriptionReport;
      this.#reports.set(report.subscription, report);
    }
  }

  put(report: SubscriptionReport): void {
    const { subscription: name, id } = report;
    if (id <= (this.#gone.get(name) ?? 0) || id < (this.#reports.get(name)?.id ?? 0)) return;
    this.#sql.transaction(() => {
      if (!this.#isMade)
        this.#sql.run(
          'CREATE TABLE IF NOT EXISTS subscriptions (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID',
        );
      this.#sql.run('INSERT OR REPLACE INTO subscriptions VALUES (?, ?)', name, JSON.stringify(report));
    });
    this.#isMade = true;
    this.#reports.set(name, report);
  }

  remove(name: string, id: number): void {
    this.#gone.set(name, id);
    if (this.#gone.size > GONE_MAX) this.#gone.delete(this.#gone.keys().next().value!);
    if ((this.#reports.get(name)?.id ?? Infinity) > id) return;
    this.#sql.run('DELETE FROM subscriptions WHERE name = ?', name);
    this.#reports.delete(name);
  }

  /** Whether a subscription has done everything before these ends. @param ends by partition, as far as they are known */
  rests({ subscription, id, topicId, partitions }: RestingPlace, ends: readonly number[]): boolean {
    const report = this.#reports.get(subscription);
    if (report?.id !== id || report.held + report.inFlight > 0) return false;
    const known = Array.from({ length: partitions }, (_, partition) => ends[partition]);
    return (report.restsAt ?? null) !== null && report.restsAt === endsText(topicId, known);
  }

  metrics(): SubscriptionReport[] {
    return subscriptionMetrics([...this.#reports.values()]);
  }
}
