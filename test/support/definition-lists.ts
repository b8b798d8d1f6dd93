/** Lists of a namespace: the last part of the path of every call that shows what it has. */
export const LISTS = [
  'topics',
  'queues',
  'exchanges',
  'policies',
  'alerts',
  'schedules',
  'groups',
  'share-groups',
  'limits',
] as const;
