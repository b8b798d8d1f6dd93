/**
 * Quota guard: refuses what would be more than the namespace may have. The topology decides it in the commit that would make it,
 * so the counts are exact. They are read only where a limit is set: a declaration without limits costs no more.
 *
 *   count_quotas   one row: the limits as JSON. Absent: there is none. The table is made with the row
 */

import { AUDIT_TOPIC } from '../../../core/access/audit-topic.ts';
import {
  refuseMore,
  type CountLimits,
  type CountQuota,
  type Counts,
  type NamespaceQuota,
} from '../../../core/access/quotas/quotas.ts';
import type { Failure } from '../../../protocol/errors.ts';
import { hasTable, type Sql } from '../../storage/sql.ts';

/** The tables that are counted. */
interface Counted {
  readonly queues: { count(): number };
  readonly topics: { count(): number; get(name: string): { config: { partitions: number } } | null };
  readonly bindings: { readonly count: number };
  readonly groups: { count(): number };
  readonly shareGroups: { count(): number };
  readonly stored: { readonly total: number | null };
}

export class QuotaGuard {
  readonly #sql: Sql;
  readonly #store: Counted;
  #limits: CountLimits;
  #isGranted = false;

  constructor(sql: Sql, store: Counted) {
    this.#sql = sql;
    this.#store = store;
    const isMade = hasTable(sql, 'count_quotas');
    const [row] = isMade ? sql.all<{ json: string }>('SELECT json FROM count_quotas') : [];
    this.#limits = row ? (JSON.parse(row.json) as CountLimits) : {};
  }

  limit(limits: CountLimits): void {
    if (JSON.stringify(limits) === JSON.stringify(this.#limits)) return;
    this.#sql.run(
      'CREATE TABLE IF NOT EXISTS count_quotas (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
    );
    this.#sql.run('INSERT OR REPLACE INTO count_quotas VALUES (1, ?)', JSON.stringify(limits));
    this.#limits = limits;
  }

  limitOf(what: NamespaceQuota): number | null {
    return this.#limits[what] ?? null;
  }

  /** Returns why there may not be so many more; null if there may. */
  refusal(what: CountQuota, more: number): Failure | null {
    if (this.#isGranted || this.#limits[what] == null || more <= 0) return null;
    return refuseMore(this.#limits, what, this.#count(what), more);
  }

  /** Makes many changes whose counts have been checked together: to count again for each would take too long. */
  granted<Result>(changes: () => Result): Result {
    this.#isGranted = true;
    try {
      return changes();
    } finally {
      this.#isGranted = false;
    }
  }

  counts(): Counts {
    return {
      queues: this.#count('queues'),
      topics: this.#count('topics'),
      partitions: this.#count('partitions'),
      bindings: this.#count('bindings'),
      groups: this.#count('groups'),
      stored_bytes: this.#store.stored.total,
    };
  }

  /** The audit is the broker's own. */
  #count(what: CountQuota): number {
    const { queues, topics, bindings, groups, shareGroups } = this.#store;
    if (what === 'queues') return queues.count();
    if (what === 'bindings') return bindings.count;
    if (what === 'groups') return groups.count() + shareGroups.count();
    const audit = topics.get(AUDIT_TOPIC);
    if (what === 'topics') return topics.count() - (audit ? 1 : 0);
    const [row] = this.#sql.all<{ n: number | null }>(
      "SELECT SUM(json_extract(json, '$.config.partitions')) AS n FROM topics",
    );
    return (row!.n ?? 0) - (audit?.config.partitions ?? 0);
  }
}
