/** Routes of the management API: what each path answers. */

import { VERSION } from '../../protocol/version.ts';
import { DONE, ok, type Answer } from './answer.ts';
import { DEFAULT_VHOST } from '../amqp/connection/virtual-host.ts';
import { exportOf, importInto } from './definitions.ts';
import { entriesOf, listed, withColumns, type Entry } from './list-query.ts';
import { exchangeTypes, nodeReport } from './node-report.ts';
import type { OpenConnection } from '../amqp/connection/amqp-session.ts';
import {
  answerOfChannels,
  answerOfConnections,
  channelsOf,
  ofVhost,
  shownConnection,
  shownConsumers,
} from './open-connections.ts';
import { answerOfPolicy, policiesOf } from './policies.ts';
import { defaultBinding, NODE } from './shown.ts';
import { Refused, type Fields, type VhostCalls, type VhostTotals } from './vhost-calls.ts';

export interface Call {
  user: string;
  /** No token bounds what it may do. */
  mayAll: boolean;
  /** Names of the virtual hosts that it may see. */
  vhosts(): Promise<string[]>;
  /** Connections that it may see and close. */
  connections(): OpenConnection[];
  /** Where this gateway listens. */
  listeners(): Listener[];
  /** Returns whether it is new. */
  createVhost(vhost: string): Promise<boolean>;
  /** Returns whether there was one. */
  deleteVhost(vhost: string): Promise<boolean>;
  calls(vhost: string): Promise<VhostCalls>;
}

export interface Listener {
  protocol: 'amqp' | 'amqp/ssl' | 'http';
  ip_address: string;
  port: number;
}

/** What has no counterpart, with how many names a list of it may have in its path; with more, one is named, which there is not. */
const EMPTY = new Map([
  ['topic-permissions', 2],
  ['parameters', 2],
  ['global-parameters', 0],
  ['operator-policies', 1],
  ['vhost-limits', 1],
  ['user-limits', 1],
  ['feature-flags', 0],
]);

/** The broker has answered when they are reached. */
const HEALTH_CHECKS = new Set([
  'alarms',
  'local-alarms',
  'virtual-hosts',
  'node-is-mirror-sync-critical',
  'node-is-quorum-critical',
]);

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
  if (kind === 'policies' && vhost !== undefined && name !== undefined) {
    return await answerOfPolicy(await call.calls(vhost), method, name, body);
  }
  if (kind === 'bindings' && parts.length >= 4) return await answerOfBinding(call, method, parts, body);
  if (kind === 'connections') {
    return await answerOfConnections(call.connections(), method, parts, query);
  }
  if (kind === 'definitions') return await answerOfDefinitions(call, method, vhost, body);
  if (kind === 'vhosts' && name === undefined && vhost !== undefined && method !== 'GET') {
    return await changeVhost(call, method, vhost);
  }
  if (method !== 'GET') {
    if (EMPTY.has(kind) || kind === 'users' || kind === 'permissions') {
      throw new Refused(withoutCounterpart(kind));
    }
    return null;
  }
  const names = EMPTY.get(kind);
  if (names !== undefined) return parts.length > names ? null : ok(await listed([], query));
  if (kind === 'users') return await answerOfUsers(call, parts, query);
  if (kind === 'permissions') return await answerOfPermissions(call, parts);
  if (kind === 'channels') return await answerOfChannels(call.connections(), vhost, query);
  if (kind === 'consumers') {
    const all = call.connections();
    return ok(shownConsumers(vhost === undefined ? all : ofVhost(all, vhost)));
  }
  if (kind === 'overview') return ok(withColumns(await overview(call), query.get('columns')));
  if (kind === 'whoami') return ok(shownUser(call));
  if (kind === 'cluster-name') return ok({ name: NODE });
  if (kind === 'nodes') return answerOfNodes(vhost, query);
  if (kind === 'vhosts') return await answerOfVhosts(call, vhost, name, query);
  if (kind === 'aliveness-test') return ok({ status: 'ok' });
  if (kind === 'healthchecks') return isOwnNode(name) && vhost === 'node' ? ok({ status: 'ok' }) : null;
  if (kind === 'health' && vhost === 'checks') return answerOfCheck(call, name, rest[0]);
  if (kind === 'queues') {
    return ok(await listed(await ofAll<Entry>(call, vhost, (calls) => calls.queueEntries()), query));
  }
  if (kind === 'exchanges') {
    return ok(await listed(entriesOf(await ofAll(call, vhost, (calls) => calls.exchanges())), query));
  }
  if (kind === 'policies') return ok(await listed(entriesOf(await ofAll(call, vhost, policiesOf)), query));
  if (kind === 'bindings') return ok(await ofAll(call, vhost, (calls) => calls.allBindings()));
  return null;
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
  if (what === 'bindings' && method === 'GET') {
    return ok([defaultBinding(name, calls.vhost), ...(await calls.bindings({ queue: name }))]);
  }
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
  [what, end]: readonly string[],
  query: URLSearchParams,
  body: Fields,
): Promise<Answer | null> {
  if (what === 'publish' && method === 'POST') return ok({ routed: await calls.publish(name, body) });
  if (what === 'bindings' && method === 'GET') {
    if (end === 'destination') return ok(await calls.bindingsToExchange(name));
    return end === undefined || end === 'source' ? ok(await calls.bindings({ source: name })) : null;
  }
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
  const createVhost = vhost === undefined ? (name: string) => call.createVhost(name) : null;
  return ok(
    await importInto(body, { createVhost, callsOf: (own) => callsOf(vhost ?? own ?? DEFAULT_VHOST) }),
  );
}

const shownUser = ({ user }: Call) => ({ name: user, tags: ['administrator'] });

/** Who asks. Tokens are made and listed by the broker. */
async function answerOfUsers(
  call: Call,
  [name, what]: readonly string[],
  query: URLSearchParams,
): Promise<Answer | null> {
  const own = { ...shownUser(call), password_hash: '', hashing_algorithm: '', limits: {} };
  if (name === undefined) return ok(await listed(entriesOf([{ ...own, vhost: '' }]), query));
  if (name !== call.user) return null;
  if (what === 'permissions') return ok(await ownPermissions(call));
  if (what === 'topic-permissions') return ok([]);
  return what === undefined ? ok(own) : null;
}

/** `/permissions` and `/permissions/<vhost>/<user>`: those of who asks, if they are all that there are. */
async function answerOfPermissions(call: Call, [vhost, user]: readonly string[]): Promise<Answer | null> {
  const all = await ownPermissions(call);
  if (vhost === undefined) return ok(all);
  const found = all.find((one) => one.vhost === vhost && one.user === user);
  return found === undefined ? null : ok(found);
}

async function ownPermissions(call: Call) {
  if (!call.mayAll) return [];
  const everything = { configure: '.*', write: '.*', read: '.*' };
  return (await call.vhosts()).map((vhost) => ({ user: call.user, vhost, ...everything }));
}

/** `/health/checks/<check>` and what it is about: a port, or a protocol. */
function answerOfCheck(call: Call, check = '', about = ''): Answer | null {
  if (HEALTH_CHECKS.has(check)) return ok({ status: 'ok' });
  const [name, heard, wanted] =
    check === 'port-listener'
      ? (['port', call.listeners().map(({ port }) => port), Number(about)] as const)
      : check === 'protocol-listener'
        ? (['protocol', call.listeners().map(({ protocol }) => protocol), protocolOf(about)] as const)
        : [];
  if (name === undefined || wanted === undefined) return null;
  if ((heard as readonly unknown[]).includes(wanted)) {
    return ok({ status: 'ok', [name]: name === 'port' ? wanted : about });
  }
  const reason = 'No active listener';
  return { status: 503, body: { status: 'failed', reason, missing: about, [`${name}s`]: heard } };
}

/** By the names that RabbitMQ takes for it. */
const protocolOf = (name: string): string =>
  ({ amqp091: 'amqp', 'amqp0.9.1': 'amqp', amqps: 'amqp/ssl', 'amqp091/ssl': 'amqp/ssl' })[name] ?? name;

/** A virtual host is a namespace. */
async function changeVhost(call: Call, method: string, vhost: string): Promise<Answer | null> {
  if (method === 'PUT') return { status: (await call.createVhost(vhost)) ? 201 : 204, body: null };
  if (method !== 'DELETE') return null;
  return (await call.deleteVhost(vhost)) ? DONE : null;
}

async function answerOfVhosts(
  call: Call,
  name: string | undefined,
  what: string | undefined,
  query: URLSearchParams,
): Promise<Answer | null> {
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
  if (found === undefined) return null;
  const open = ofVhost(call.connections(), name);
  if (what === 'connections') return ok(await listed(entriesOf(open.map(shownConnection)), query));
  if (what === 'channels') return ok(await channelsOf(open, query));
  return what === undefined ? ok(found) : null;
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
      channels: call.connections().reduce((sum, { channels }) => sum + channels.length, 0),
    },
    listeners: call.listeners().map((one) => ({ node: NODE, ...one, socket_opts: {} })),
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
