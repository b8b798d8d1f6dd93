/** Aliases: other words for the same command. */

/** Other words for the same verb, as other tools have them. */
export const VERB_ALIASES: Readonly<Record<string, string>> = {
  list: 'ls',
  rm: 'delete',
  show: 'get',
  describe: 'get',
  add: 'create',
  put: 'create',
  declare: 'create',
  update: 'change',
  revoke: 'delete',
  cancel: 'delete',
  purge: 'delete',
};

/** Groups of commands by the name of one of what they are for. */
export const PLURALS: ReadonlyMap<string, string> = new Map(
  [
    'topics',
    'queues',
    'exchanges',
    'bindings',
    'groups',
    'schedules',
    'subscriptions',
    'hooks',
    'alerts',
    'tokens',
    'namespaces',
    'replays',
  ]
    .map((plural) => [plural.slice(0, -1), plural] as const)
    .concat([
      ['policy', 'policies'],
      ['dead-letters', 'dlq'],
      ['profile', 'profiles'],
    ]),
);
