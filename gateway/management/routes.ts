/** Routes of the management API: what each path answers. */

import { VERSION } from '../../protocol/version.ts';
import { exportOf, importInto } from './definitions.ts';
import { entriesOf, listed, withColumns, type Entry } from './list-query.ts';
import { exchangeTypes, nodeReport } from './node-report.ts';
import type { OpenConnection } from '../amqp/connection/amqp-session.ts';
import { NODE, shownConnection } from './shown.ts';
import { Refused, type Fields, type VhostCalls, type VhostTotals } from './vhost-calls.ts';

export interface Call {
  user: string;
  /** Names of the virtual hosts that it may see. */
  vhosts(): Promise<string[]>;
  /** Connections that it may see and close. */
  connections(): OpenConnection[];
  calls(vhost: string): Promise<VhostCalls>;
}

export interface Answer {
  status: number;
  body: object | null;
}

const EMPTY = new Set([
  'channels',
  'consumers',
  'users',
  'permissions',
  'topic-permissions',
  'parameters',
  'global-parameters',
  'policies',
  'operator-policies',
  'vhost-limits',
]);

/** The broker has answered when they are reached. Whether somebody listens for AMQP this server does not know, so it has no check of it. */
const HEALTH_CHECKS = new Set([
  'alarms',
  'local-alarms',
  'virtual-hosts',
  'node-is-mirror-sync-critical',
  'node-is-quorum-critical',
]);

const ok = (body: object): Answer => ({ status: 200, body });
const DONE: Answer = { status: 204, body: null };

/** @returns null for a path that there is not */
export async function answerOf(
  call: Call,
  method: string,
  [kind = '', ...parts]: readonly string[],
  query: URLSearchParams,
  body: Fields,
): Promise<Answer | null> {
  const [vhost, name, ...rest] = parts;
  if (kind === 'queues' && vhost !== undefined && name !== undefined) {
    return await answerOfQueue(await call.calls(vhost), method, name, rest, query, body);
  }
  if (kind === 'exchanges' && vhost !== undefined && name !== undefined) {
    return await answerOfExchange(await call.calls(vhost), method, name, rest, query, body);
  }
  if (kind === 'bindings' && parts.length >= 4) return await answerOfBinding(call, method, parts, body);
  if (kind === 'connections') return await answerOfConnections(call.connections(), method, vhost, query);
  if (kind === 'definitions') return await answerOfDefinitions(call, method, vhost, body);
  if (method !== 'GET') {
    if (EMPTY.has(kind) || kind === 'vhosts') throw new Refused(withoutCounterpart(kind));
    return null;
  }
  if (EMPTY.has(kind)) return ok(await listed([], query));
  if (kind === 'overview') return ok(withColumns(await overview(call), query.get('columns')));
  if (kind === 'whoami') return ok({ name: call.user, tags: ['administrator'] });
  if (kind === 'cluster-name') return ok({ name: NODE });
  if (kind === 'nodes') return answerOfNodes(vhost, query);
  if (kind === 'vhosts') return await answerOfVhosts(call, vhost);
  if (kind === 'aliveness-test') return ok({ status: 'ok' });
  if (kind === 'healthchecks') return isOwnNode(name) && vhost === 'node' ? ok({ status: 'ok' }) : null;
  if (kind === 'health')
    return vhost === 'checks' && HEALTH_CHECKS.has(name ?? '') ? ok({ status: 'ok' }) : null;
  if (kind === 'queues') {
    return ok(await listed(await ofAll<Entry>(call, vhost, (calls) => calls.queueEntries()), query));
  }
  if (kind === 'exchanges') {
    return ok(await listed(entriesOf(await ofAll(call, vhost, (calls) => calls.exchanges())), query));
  }
  if (kind === 'bindings') return ok(await ofAll(call, vhost, (calls) => calls.bindings()));
  return null;
}

async function answerOfConnections(
  connections: readonly OpenConnection[],
  method: string,
  name: string | undefined,
  query: URLSearchParams,
): Promise<Answer | null> {
  if (name === undefined) {
    return method === 'GET' ? ok(await listed(entriesOf(connections.map(shownConnection)), query)) : null;
  }
  const found = connections.find((one) => one.name === name);
  if (found === undefined) return null;
  if (method === 'GET') return ok(shownConnection(found));
  if (method !== 'DELETE') return null;
  found.close('Closed via management plugin');
  return DONE;
}

async function answerOfQueue(
  calls: VhostCalls,
  method: string,
  name: string,
  [what]: readonly string[],
  query: URLSearchParams,
  body: Fields,
): Promise<Answer | null> {
  if (what === 'contents' && method === 'DELETE') return await calls.purge(name).then(() => DONE);
  if (what === 'get' && method === 'POST') return ok(await calls.get(name, body));
  if (what === 'bindings' && method === 'GET') return ok(await calls.bindings({ queue: name }));
  if (what !== undefined) return null;
  if (method === 'GET') return ok(await calls.queue(name));
  if (method === 'PUT') return await calls.declareQueue(name, body).then(() => ({ status: 201, body: null }));
  if (method !== 'DELETE') return null;
  const conditions = {
    ifUnused: query.get('if-unused') === 'true',
    ifEmpty: query.get('if-empty') === 'true',
  };
  return await calls.deleteQueue(name, conditions).then(() => DONE);
}

async function answerOfExchange(
  calls: VhostCalls,
  method: string,
  name: string,
  [what]: readonly string[],
  query: URLSearchParams,
  body: Fields,
): Promise<Answer | null> {
  if (what === 'publish' && method === 'POST') return ok({ routed: await calls.publish(name, body) });
  if (what === 'bindings' && method === 'GET') return ok(await calls.bindings({ source: name }));
  if (what !== undefined) return null;
  if (method === 'GET') return ok(await calls.exchange(name));
  if (method === 'PUT')
    return await calls.declareExchange(name, body).then(() => ({ status: 201, body: null }));
  if (method !== 'DELETE') return null;
  return await calls.deleteExchange(name, query.get('if-unused') === 'true').then(() => DONE);
}

/** `/bindings/<vhost>/e/<source>/<q or e>/<destination>`, and the key of one of them. */
async function answerOfBinding(
  call: Call,
  method: string,
  [vhost = '', , source = '', kind, destination = '', key]: readonly string[],
  body: Fields,
): Promise<Answer | null> {
  const calls = await call.calls(vhost);
  const to = kind === 'q' ? { queue: destination } : { exchange: destination };
  if (method === 'POST') return await calls.bind(source, to, body).then(() => ({ status: 201, body: null }));
  const type = kind === 'q' ? 'queue' : 'exchange';
  const between = (await calls.bindings({ source })).filter(
    (one) => one.destination === destination && one.destination_type === type,
  );
  if (key === undefined) return method === 'GET' ? ok(between) : null;
  // The path was decoded once, and the key has its routing key encoded.
  const found = between.find(({ properties_key: own }) => own === key || decodeURIComponent(own) === key);
  if (found === undefined) return null;
  if (method === 'GET') return ok(found);
  if (method !== 'DELETE') return null;
  return await calls.unbind(source, to, found).then(() => DONE);
}

async function answerOfDefinitions(
  call: Call,
  method: string,
  vhost: string | undefined,
  body: Fields,
): Promise<Answer | null> {
  const known = new Map<string, Promise<VhostCalls>>();
  const callsOf = (name: string): Promise<VhostCalls> => {
    const calls = known.get(name) ?? call.calls(name);
    known.set(name, calls);
    return calls;
  };
  if (method === 'GET') {
    const names = vhost === undefined ? await call.vhosts() : [vhost];
    return ok(await exportOf(await Promise.all(names.map(callsOf)), vhost !== undefined));
  }
  if (method !== 'POST' && method !== 'PUT') return null;
  return ok(await importInto(body, (own) => callsOf(vhost ?? own ?? '/')));
}

async function answerOfVhosts(call: Call, name: string | undefined): Promise<Answer | null> {
  const all = (await call.vhosts()).map((vhost) => ({
    name: vhost,
    description: '',
    tags: [],
    metadata: { description: '', tags: [] },
    tracing: false,
    cluster_state: { [NODE]: 'running' },
  }));
  if (name === undefined) return ok(all);
  const found = all.find((vhost) => vhost.name === name);
  return found === undefined ? null : ok(found);
}

async function ofAll<Item>(
  call: Call,
  vhost: string | undefined,
  list: (calls: VhostCalls) => Promise<Item[]>,
): Promise<Item[]> {
  const all: Item[] = [];
  for (const name of vhost === undefined ? await call.vhosts() : [vhost]) {
    all.push(...(await list(await call.calls(name))));
  }
  return all;
}

async function overview(call: Call): Promise<Fields> {
  const totals = await ofAll(call, undefined, async (calls) => [await calls.totals()]);
  const exchanges = await ofAll(call, undefined, (calls) => calls.exchanges());
  const sum = (name: keyof VhostTotals): number => totals.reduce((all, one) => all + one[name], 0);
  return {
    management_version: VERSION,
    rabbitmq_version: VERSION,
    product_name: 'Posthorn',
    product_version: VERSION,
    cluster_name: NODE,
    node: NODE,
    rates_mode: 'none',
    message_stats: {},
    queue_totals: {
      messages: sum('ready') + sum('leased'),
      messages_ready: sum('ready'),
      messages_unacknowledged: sum('leased'),
    },
    object_totals: {
      queues: sum('queues'),
      exchanges: exchanges.length,
      consumers: sum('consumers'),
      connections: call.connections().length,
      channels: 0,
    },
    listeners: [],
    contexts: [],
    exchange_types: exchangeTypes(),
  };
}

const isOwnNode = (name: string | undefined): boolean => name === undefined || name === NODE;

function answerOfNodes(name: string | undefined, query: URLSearchParams): Answer | null {
  if (!isOwnNode(name)) return null;
  const shown = withColumns(nodeReport() as Fields, query.get('columns'));
  return ok(name === undefined ? [shown] : shown);
}

const withoutCounterpart = (kind: string): { reply: 'precondition-failed'; reason: string } => ({
  reply: 'precondition-failed',
  reason: `${kind} have no counterpart here; see docs/guides/from-rabbitmq.md`,
});
