/**
 * Schedule store: the tables of a schedule.
 *
 *   schedule   one row: the definition, replaced when it changes. Without it the schedule does not exist
 *   state      one row: the next occurrence, publishes that are not made yet, and what came of the last one. Replaced when
 *              an occurrence comes due and when its publish is made: two rows an occurrence, and one for the alarm
 */

import type { Occurrences } from '../../core/schedules/occurrences.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ScheduleState } from '../../protocol/schemas/schedules.ts';
import { hasTable, type Sql } from '../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS schedule (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL)',
];

export interface StoredState extends Occurrences {
  last: ScheduleState['last'];
}

export class ScheduleStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** Null if it was never made, or is gone with its tables. */
  read(): { definition: ScheduleDefinition; state: StoredState } | null {
    if (!hasTable(this.#sql, 'schedule')) return null;
    const definition = this.#row<ScheduleDefinition>('schedule');
    const state = this.#row<StoredState>('state');
    return definition && state ? { definition, state } : null;
  }

  write(definition: ScheduleDefinition, state: StoredState): void {
    this.#sql.transaction(() => {
      for (const statement of SCHEMA) this.#sql.run(statement);
      this.#sql.run('INSERT OR REPLACE INTO schedule VALUES (1, ?)', JSON.stringify(definition));
      this.writeState(state);
    });
  }

  writeState(state: StoredState): void {
    this.#sql.run('INSERT OR REPLACE INTO state VALUES (1, ?)', JSON.stringify(state));
  }

  #row<Value>(table: 'schedule' | 'state'): Value | null {
    const [row] = this.#sql.all<{ json: string }>(`SELECT json FROM ${table}`);
    return row ? (JSON.parse(row.json) as Value) : null;
  }
}
