/** Producer ids of a namespace: one row with the next id. No row: none was given out. */

import type { Sql } from '../storage/sql.ts';

/** @returns the first of `count` ids that nobody has had or will have */
export function takeProducerIds(sql: Sql, count: number): number {
  return sql.transaction(() => {
    sql.run(
      'CREATE TABLE IF NOT EXISTS producer_ids (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL)',
    );
    const [row] = sql.all<{ next: number }>('SELECT next FROM producer_ids');
    const first = row?.next ?? 0;
    sql.run('INSERT OR REPLACE INTO producer_ids VALUES (1, ?)', first + count);
    return first;
  });
}
