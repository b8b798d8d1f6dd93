/** Definitions: what RabbitMQ exports, in and out. An import says what was taken and what has no counterpart. */

import {
  entriesOf,
  isPredeclared,
  nameOf,
  withoutCounterpart,
  withoutSettings,
} from '../amqp/definitions/left-out.ts';
import type { LeftOut } from '../../protocol/schemas/definitions.ts';
import { importPolicy, policiesOf } from './policies.ts';
import { DEFAULT_VHOST } from '../amqp/connection/virtual-host.ts';
import { NODE } from './shown.ts';
import { VERSION } from '../../protocol/version.ts';
import type { Fields, VhostCalls } from './vhost-calls.ts';

export interface ImportReport {
  taken: { vhosts: number; queues: number; exchanges: number; bindings: number; policies: number };
  left_out: LeftOut[];
}

/** @param isOfOne of one virtual host: entries do not say which */
export async function exportOf(vhosts: readonly VhostCalls[], isOfOne: boolean): Promise<object> {
  const queues: object[] = [];
  const exchanges: object[] = [];
  const bindings: object[] = [];
  const policies: object[] = [];
  for (const calls of vhosts) {
    for (const { name, vhost, durable, auto_delete, arguments: args } of await calls.queues()) {
      queues.push(entryOf({ name, vhost, durable, auto_delete, arguments: args }, isOfOne));
    }
    for (const exchange of await calls.exchanges()) {
      if (!isPredeclared(exchange.name)) exchanges.push(entryOf(exchange, isOfOne));
    }
    for (const policy of await policiesOf(calls)) policies.push(entryOf({ ...policy }, isOfOne));
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
    policies,
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

export interface ImportTarget {
  /** Null: all goes into one virtual host, whatever the file has. */
  createVhost: ((vhost: string) => Promise<unknown>) | null;
  callsOf: (vhost: string | undefined) => Promise<VhostCalls>;
}

/** Makes what is not there. Virtual hosts first, then exchanges: bindings and dead letters name them. */
export async function importInto(
  definitions: Fields,
  { createVhost, callsOf }: ImportTarget,
): Promise<ImportReport> {
  const taken = { vhosts: 0, queues: 0, exchanges: 0, bindings: 0, policies: 0 };
  const leftOut: LeftOut[] = [];
  for (const { name: vhost } of createVhost ? entriesOf(definitions, 'vhosts') : []) {
    if (typeof vhost !== 'string' || vhost === DEFAULT_VHOST) continue;
    try {
      await createVhost!(vhost);
      taken.vhosts++;
    } catch (error) {
      leftOut.push({ kind: 'vhosts', name: vhost, reason: (error as Error).message });
    }
  }
  for (const kind of ['exchanges', 'queues', 'bindings', 'policies'] as const) {
    for (const entry of entriesOf(definitions, kind)) {
      const leaveOut = (reason: string): void =>
        void leftOut.push({ kind, name: nameOf(kind, entry), reason });
      try {
        const calls = await callsOf(typeof entry['vhost'] === 'string' ? entry['vhost'] : undefined);
        if (kind === 'policies') {
          const unknown = await importPolicy(calls, entry);
          if (unknown.length > 0) leaveOut(withoutSettings(unknown));
        } else await make(calls, kind, entry);
        taken[kind]++;
      } catch (error) {
        leaveOut((error as Error).message);
      }
    }
  }
  return { taken, left_out: [...leftOut, ...withoutCounterpart(definitions)] };
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
