/**
 * Cost ledger: the rows that the objects of a namespace reported for this hour, and the ceiling.
 *
 *   cost   one row: the ceiling, and the rows of an hour. Absent: there never was a ceiling. Without a ceiling the count is
 *          in memory alone; with one it is written with every report, one row for every hundredth of the ceiling
 */

import { HOUR_MS, hourOf, reportStep } from '../../../core/cost/cost-ceiling.ts';
import type { Sql } from '../../storage/sql.ts';
import type { CostReply, CostStatus } from '../../rpc/topology.ts';

const SCHEMA =
  'CREATE TABLE IF NOT EXISTS cost (id INTEGER PRIMARY KEY CHECK (id = 1), ceiling INTEGER, hour INTEGER NOT NULL, rows INTEGER NOT NULL)';

export class CostLedger {
  readonly #sql: Sql;
  #ceiling: number | null;
  #hour: number;
  #rows: number;

  constructor(sql: Sql) {
    this.#sql = sql;
    sql.run(SCHEMA);
    const [row] = sql.all<{ ceiling: number | null; hour: number; rows: number }>(
      'SELECT ceiling, hour, rows FROM cost',
    );
    this.#ceiling = row?.ceiling ?? null;
    this.#hour = row?.hour ?? 0;
    this.#rows = row?.rows ?? 0;
  }

  status(nowMs: number): CostStatus {
    const rowsThisHour = this.#hour === hourOf(nowMs) ? this.#rows : 0;
    return { rowsPerHour: this.#ceiling, rowsThisHour, resetsAtMs: (hourOf(nowMs) + 1) * HOUR_MS };
  }

  limit(rowsPerHour: number | null, nowMs: number): CostStatus {
    this.#ceiling = rowsPerHour;
    this.#write();
    return this.status(nowMs);
  }

  report(rows: number, nowMs: number): CostReply {
    const hour = hourOf(nowMs);
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.#rows = 0;
    }
    this.#rows += rows;
    if (this.#ceiling !== null && rows > 0) this.#write();
    const left = this.#ceiling === null ? null : Math.max(0, this.#ceiling - this.#rows);
    return { closedUntilMs: left === 0 ? (hour + 1) * HOUR_MS : null, left, step: reportStep(this.#ceiling) };
  }

  #write(): void {
    this.#sql.run('INSERT OR REPLACE INTO cost VALUES (1, ?, ?, ?)', this.#ceiling, this.#hour, this.#rows);
  }
}
