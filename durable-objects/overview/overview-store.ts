/**
 * Overview store: the last report of each object of a namespace. Reports that come together share rows.
 *
 *   pages   `PAGE_ENTRIES` objects each: an array of `Entry` as JSON. Replaced when one of them reports, removed with the last
 *   gone    one row: the counters of deleted objects by kind (`Gone`), as JSON. Absent: nothing was deleted
 *   ceiling one row: how near the cost ceiling is (`CeilingUse`), as JSON. Absent: it never was near. Made when it first is
 *
 * The other tables are made with the first report.
 */

import type { CeilingUse } from '../../core/overview/ceiling-problem.ts';
import { keyOf } from '../../core/overview/object-report.ts';
import { NONE_GONE, type Entry, type Gone } from '../../core/overview/overview-book.ts';
import { hasTable, type Sql } from '../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS gone (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS pages (page INTEGER PRIMARY KEY, json TEXT NOT NULL)',
];

/** An entry has at most 35 KB (a hundred groups), and a row of the platform 2 MB. */
export const PAGE_ENTRIES = 32;

export class OverviewStore {
  readonly #sql: Sql;
  #isMade: boolean;
  readonly #pageOf = new Map<string, number>();
  /** Keys by page. */
  readonly #pages = new Map<number, Set<string>>();
  /** All pages before this one are full. */
  #roomy = 0;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#isMade = hasTable(sql, 'pages');
  }

  /** Reads everything. */
  entries(): Entry[] {
    this.#pageOf.clear();
    this.#pages.clear();
    this.#roomy = 0;
    if (!this.#isMade) return [];
    return this.#sql
      .all<{ page: number; json: string }>('SELECT page, json FROM pages')
      .flatMap(({ page, json }) => {
        const entries = JSON.parse(json) as Entry[];
        for (const { report } of entries) this.#place(keyOf(report), page);
        return entries;
      });
  }

  gone(): Gone {
    if (!this.#isMade) return NONE_GONE;
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM gone');
    return row ? (JSON.parse(row.json) as Gone) : NONE_GONE;
  }

  ceiling(): CeilingUse | null {
    if (!hasTable(this.#sql, 'ceiling')) return null;
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM ceiling');
    return row ? (JSON.parse(row.json) as CeilingUse | null) : null;
  }

  putCeiling(use: CeilingUse | null): void {
    this.#sql.transaction(() => {
      this.#sql.run(
        'CREATE TABLE IF NOT EXISTS ceiling (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
      );
      this.#sql.run('INSERT OR REPLACE INTO ceiling VALUES (1, ?)', JSON.stringify(use));
    });
  }

  /** Stores what has changed. @param entryOf the entry of a key as it is now */
  put(keys: Iterable<string>, entryOf: (key: string) => Entry | undefined): void {
    const pages = new Set<number>();
    for (const key of keys) pages.add(this.#pageOf.get(key) ?? this.#place(key, this.#pageWithRoom()));
    this.#sql.transaction(() => {
      this.#make();
      for (const page of pages) this.#write(page, entryOf);
    });
    this.#isMade = true;
  }

  remove(keys: readonly string[], gone: Gone, entryOf: (key: string) => Entry | undefined): void {
    const pages = new Set<number>();
    for (const key of keys) {
      const page = this.#pageOf.get(key);
      if (page === undefined) continue;
      this.#pageOf.delete(key);
      this.#pages.get(page)!.delete(key);
      pages.add(page);
      this.#roomy = Math.min(this.#roomy, page);
    }
    this.#sql.transaction(() => {
      this.#make();
      for (const page of pages) this.#write(page, entryOf);
      this.#sql.run('INSERT OR REPLACE INTO gone VALUES (1, ?)', JSON.stringify(gone));
    });
    this.#isMade = true;
  }

  #make(): void {
    if (!this.#isMade) for (const statement of SCHEMA) this.#sql.run(statement);
  }

  #write(page: number, entryOf: (key: string) => Entry | undefined): void {
    const entries = [...this.#pages.get(page)!].flatMap((key) => entryOf(key) ?? []);
    if (entries.length === 0) this.#sql.run('DELETE FROM pages WHERE page = ?', page);
    else this.#sql.run('INSERT OR REPLACE INTO pages VALUES (?, ?)', page, JSON.stringify(entries));
  }

  #place(key: string, page: number): number {
    const keys = this.#pages.get(page) ?? new Set<string>();
    this.#pages.set(page, keys.add(key));
    this.#pageOf.set(key, page);
    return page;
  }

  #pageWithRoom(): number {
    while ((this.#pages.get(this.#roomy)?.size ?? 0) >= PAGE_ENTRIES) this.#roomy += 1;
    return this.#roomy;
  }
}
