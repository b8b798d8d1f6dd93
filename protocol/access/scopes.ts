/**
 * Scopes: what a token may do. A scope is a kind of resource, a name, and actions on it.
 *
 *   kind     topic, queue, exchange, group (share groups too; transactional ids, which ask for `write`), schedule,
 *            subscription, hook, object, namespace; `*`: all
 *   name     an exact name, or a prefix that ends with `*`; `*` alone: every name
 *   actions  view      read definitions and states, never contents
 *            read      fetch, deliver and settle, join a group and commit
 *            write     produce and publish
 *            operate   pause, resume, replay, cancel or run messages, purge dead letters, move offsets
 *            manage    declare, change, delete, purge, bind; includes `operate`
 *            metrics   read /metrics
 *
 * Every action includes `view` of what it names, as Kafka's ACLs do with Describe
 * (https://kafka.apache.org/documentation/#security_authz).
 */

export const RESOURCE_KINDS = [
  'topic',
  'queue',
  'exchange',
  'group',
  'schedule',
  'subscription',
  'hook',
  'object',
  'namespace',
] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export const ACTIONS = ['view', 'read', 'write', 'operate', 'manage', 'metrics'] as const;
export type Action = (typeof ACTIONS)[number];

export interface Scope {
  readonly kind: ResourceKind | '*';
  /** Exact, or a prefix that ends with `*`. */
  readonly name: string;
  readonly actions: readonly Action[];
}

/** What one call asks for. A name of `*` asks for all names. */
export interface Need {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly action: Action;
}

export const ROLES = ['producer', 'consumer', 'operator', 'admin', 'viewer', 'metrics'] as const;
export type Role = (typeof ROLES)[number];

const all = (kind: Scope['kind'], ...actions: Action[]): Scope => ({ kind, name: '*', actions });

/** The scopes that each role stands for. */
export const SCOPES_OF_ROLE: Readonly<Record<Role, readonly Scope[]>> = {
  producer: [
    all('topic', 'write'),
    all('queue', 'write'),
    all('exchange', 'write'),
    all('group', 'write'),
    all('object', 'write'),
  ],
  consumer: [all('topic', 'read'), all('queue', 'read'), all('group', 'read'), all('object', 'read')],
  operator: [
    all('topic', 'read'),
    all('queue', 'read', 'write', 'operate'),
    all('exchange', 'write'),
    all('group', 'operate'),
    all('schedule', 'operate'),
    all('subscription', 'operate'),
    all('object', 'read', 'write'),
    all('namespace', 'view'),
  ],
  admin: [all('*', 'read', 'write', 'manage', 'metrics')],
  viewer: [all('*', 'view'), { kind: 'topic', name: 'posthorn.audit', actions: ['read'] }],
  metrics: [all('namespace', 'metrics')],
};
