/**
 * The topology: changes that objects have not been told of. An alarm for each change would cost a row: where a crash cuts the
 * telling off, the next call or the watchdog wakes the topology, which then goes on by its alarm.
 */

import { hasTable } from '../../../durable-objects/storage/sql.ts';
import type { Due, Look } from './due.ts';

const RETRY_MS = 30_000;

export function dueInTopology({ host, sql, nowMs, rates }: Look): Due[] {
  // A storage that fails resets the object on the platform, which reads what is left when it wakes.
  if (rates.storage > 0 || !host.isAwake || !hasTable(sql, 'effects')) return [];
  const [oldest] = sql.all<{ kind: string }>('SELECT kind FROM effects ORDER BY id LIMIT 1');
  return oldest
    ? [{ what: `telling an object of a change (${oldest.kind})`, atMs: nowMs, withinMs: RETRY_MS }]
    : [];
}
