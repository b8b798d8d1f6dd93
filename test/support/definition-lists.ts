/** Lists of a namespace: calls that show what it has, and what of their replies changes only when somebody changes it. */

/** The last part of the path of each. */
export const LISTS = [
  'topics',
  'queues',
  'exchanges',
  'policies',
  'alerts',
  'schedules',
  'subscriptions',
  'hooks',
  'groups',
  'share-groups',
  'limits',
] as const;

/** A reply without its count of this hour, which begins anew each hour, and when its object leaves memory; nor the end of the hour. */
export function withoutCounts(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body).replaceAll(/"(rows_written_this_hour|resets_at)":\d+/g, '"$1":0'));
}
