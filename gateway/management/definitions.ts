/** Definitions: what RabbitMQ exports, in and out. An import says what was taken and what has no counterpart. */

import { NODE } from './shown.ts';
import { VERSION } from '../../protocol/version.ts';
import type { Fields, VhostCalls } from './vhost-calls.ts';

export interface ImportReport {
  taken: { queues: number; exchanges: number; bindings: number };
  /** With the reason why nothing was made of it. */
  left_out: { kind: string; name: string; reason: string }[];
}

/** Kinds that an export has and this broker keeps otherwise. */
const WITHOUT_COUNTERPART: Readonly<Record<string, string>> = {
  users: 'users are tokens here: posthorn tokens make',
  permissions: 'rights are scopes of tokens',
  topic_permissions: 'rights are scopes of tokens',
  parameters: 'there are no parameters of plugins',
  global_parameters: 'there are no parameters of plugins',
  policies: 'patterns are no regular expressions here: posthorn policies put',
  vhosts: 'namespaces are made with the root token: posthorn namespaces put',
};

const PREDECLARED = /^$|^amq\./;

/** @param isOfOne of one virtual host: entries do not say which */
export async function exportOf(vhosts: readonly VhostCalls[], isOfOne: boolean): Promise<object> {
  const queues: object[] = [];
  const exchanges: object[] = [];
  const bindings: object[] = [];
  for (const calls of vhosts) {
    for (const { name, vhost, durable, auto_delete, arguments: args } of await calls.queues()) {
      queues.push(entryOf({ name, vhost, durable, auto_delete, arguments: args }, isOfOne));
    }
    for (const exchange of await calls.exchanges()) {
      if (!PREDECLARED.test(exchange.name)) exchanges.push(entryOf(exchange, isOfOne));
    }
    for (const { properties_key: _, ...binding } of await calls.bindings()) {
      bindings.push(entryOf(binding, isOfOne));
    }
  }
  return {
    product_name: 'Posthorn',
    product_version: VERSION,
    rabbitmq_version: VERSION,
    original_cluster_name: NODE,
    ...(!isOfOne && {
      users: [],
      vhosts: vhosts.map(({ vhost }) => ({ name: vhost })),
      permissions: [],
      topic_permissions: [],
      global_parameters: [],
    }),
    parameters: [],
    policies: [],
    queues,
    exchanges,
    bindings,
  };
}

function entryOf(entry: { vhost: string; [field: string]: unknown }, isOfOne: boolean): object {
  if (!isOfOne) return entry;
  const { vhost: _, ...others } = entry;
  return others;
}

/** Makes what is not there. Exchanges first: bindings and dead letters name them. */
export async function importInto(
  definitions: Fields,
  callsOf: (vhost: string | undefined) => Promise<VhostCalls>,
): Promise<ImportReport> {
  const report: ImportReport = { taken: { queues: 0, exchanges: 0, bindings: 0 }, left_out: [] };
  for (const kind of ['exchanges', 'queues', 'bindings'] as const) {
    for (const entry of entriesOf(definitions, kind)) {
      const name = nameOf(kind, entry);
      try {
        const calls = await callsOf(typeof entry['vhost'] === 'string' ? entry['vhost'] : undefined);
        await make(calls, kind, entry);
        report.taken[kind]++;
      } catch (error) {
        report.left_out.push({ kind, name, reason: (error as Error).message });
      }
    }
  }
  for (const [kind, reason] of Object.entries(WITHOUT_COUNTERPART)) {
    for (const entry of entriesOf(definitions, kind)) {
      if (kind === 'vhosts' && entry['name'] === '/') continue;
      report.left_out.push({ kind, name: nameOf(kind, entry), reason });
    }
  }
  return report;
}

async function make(
  calls: VhostCalls,
  kind: 'exchanges' | 'queues' | 'bindings',
  entry: Fields,
): Promise<void> {
  if (kind === 'exchanges') return await calls.declareExchange(String(entry['name']), entry);
  if (kind === 'queues') return await calls.declareQueue(String(entry['name']), entry);
  const destination = String(entry['destination']);
  const to = entry['destination_type'] === 'exchange' ? { exchange: destination } : { queue: destination };
  return await calls.bind(String(entry['source']), to, entry);
}

function entriesOf(definitions: Fields, kind: string): Fields[] {
  const list = definitions[kind];
  return Array.isArray(list)
    ? list.filter((entry): entry is Fields => typeof entry === 'object' && entry !== null)
    : [];
}

function nameOf(kind: string, entry: Fields): string {
  const text = (name: string): string => (typeof entry[name] === 'string' ? entry[name] : '');
  return kind === 'bindings' ? `${text('source')} -> ${text('destination')}` : text('name') || text('user');
}
