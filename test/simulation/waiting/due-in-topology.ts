/** The topology: changes that objects have not been told of. */

import { hasTable, type Due, type Look } from './due.ts';

const RETRY_MS = 30_000;

export function dueInTopology({ sql, nowMs }: Look): Due[] {
  if (!hasTable(sql, 'effects')) return [];
  const [oldest] = sql.all<{ kind: string }>('SELECT kind FROM effects ORDER BY id LIMIT 1');
  return oldest
    ? [{ what: `telling an object of a change (${oldest.kind})`, atMs: nowMs, withinMs: RETRY_MS }]
    : [];
}
