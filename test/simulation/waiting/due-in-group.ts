/**
 * A consumer group: a roll call that ends, and partitions that have to be told of members that are gone. Sessions of members
 * who were heard of are in memory only; whoever calls meanwhile makes the group look at them. Where a crash cuts the telling
 * off, the next call or the watchdog wakes the group: an alarm for each member that leaves would cost a row.
 */

import type { GroupState } from '../../../core/group/group-state.ts';
import { hasTable } from '../../../durable-objects/storage/sql.ts';
import type { Due, Look } from './due.ts';

const FENCE_RETRY_MS = 5_000;

export function dueInGroup({ host, sql, nowMs }: Look): Due[] {
  if (!hasTable(sql, 'key_value')) return [];
  const value = (key: string): string | undefined =>
    sql.all<{ value: string }>('SELECT value FROM key_value WHERE key = ?', key)[0]?.value;
  const first = value('data');
  if (first === undefined) return [];
  const { parts, text } = JSON.parse(first) as { parts: number; text: string };
  const texts = [text];
  for (let nth = 1; nth < parts; nth++) texts.push(JSON.parse(value(`data.${nth}`)!) as string);
  const { rollCall, fencing } = JSON.parse(texts.join('')) as GroupState;
  const due: Due[] = [];
  if (rollCall) due.push({ what: 'the end of a roll call', atMs: rollCall.endsMs, withinMs: 0 });
  const gone = Object.keys(fencing).length;
  if (host.isAwake && gone > 0)
    due.push({
      what: `telling partitions of ${gone} members that are gone`,
      atMs: nowMs,
      withinMs: FENCE_RETRY_MS,
    });
  return due;
}
