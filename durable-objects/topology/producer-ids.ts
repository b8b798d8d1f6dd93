/** Producer ids of a namespace: one row with the next id. No row: none was given out. */

import { hasTable, type Sql } from '../storage/sql.ts';

/** @returns the first of `count` ids that nobody has had or will have */
export function takeProducerIds(sql: Sql, count: number): number {
  return sql.transaction(() => {
    const first = nextProducerId(sql);
    startProducerIdsAt(sql, first + count);
    return first;
  });
}

export function nextProducerId(sql: Sql): number {
  if (!hasTable(sql, 'producer_ids')) return 0;
  return sql.all<{ next: number }>('SELECT next FROM producer_ids')[0]?.next ?? 0;
}

export function startProducerIdsAt(sql: Sql, next: number): void {
  sql.run(
    'CREATE TABLE IF NOT EXISTS producer_ids (id INTEGER PRIMARY KEY CHECK (id = 1), next INTEGER NOT NULL)',
  );
  sql.run('INSERT OR REPLACE INTO producer_ids VALUES (1, ?)', next);
}
