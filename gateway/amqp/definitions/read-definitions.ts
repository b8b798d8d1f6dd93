/** Definitions of RabbitMQ as this broker has them: those of one virtual host, and what is left out of them. */

import { isWideName, WIDE_NAME_RULE } from '../../../protocol/names/name-rule.ts';
import type { LeftOut } from '../../../protocol/schemas/definitions.ts';
import type { RabbitmqDefinitions } from '../../../protocol/schemas/rabbitmq-definitions.ts';
import { toWire } from '../../../sdk/client/wire.ts';
import { readExchangeSpec } from '../../../wire/amqp/arguments/exchange-arguments.ts';
import { readQueueArguments } from '../../../wire/amqp/arguments/queue-arguments.ts';
import { comparedArguments } from '../../../wire/amqp/arguments/queue-equivalence.ts';
import { isPortError } from '../../../wire/amqp/reply-codes.ts';
import { argumentsOf } from '../binding-arguments.ts';
import { vhostOf } from '../connection/virtual-host.ts';
import { queueDeclarationOf } from '../queues/queue-declaration.ts';
import { tableOf } from './json-fields.ts';
import { isPredeclared, nameOf, withoutCounterpart, withoutSettings } from './left-out.ts';
import { readPolicy } from './policies.ts';

type Entry<Kind extends 'exchanges' | 'queues' | 'bindings' | 'policies'> = NonNullable<
  RabbitmqDefinitions[Kind]
>[number];

/** Each list as the HTTP API has it. */
export interface ReadDefinitions {
  exchanges: object[];
  queues: object[];
  bindings: object[];
  policies: object[];
}
export type ReadKind = keyof ReadDefinitions;

/** Returns the virtual host of a file that goes into a namespace: its only one, or else the one that is called like the namespace. */
export function vhostFor(definitions: RabbitmqDefinitions, namespace: string): string {
  const [only = vhostOf(namespace), ...others] = vhostsOf(definitions);
  return others.length === 0 ? only : vhostOf(namespace);
}

/**
 * @param vhost whose entries are read, with those that do not say whose they are
 * @param problemOf why the broker does not take an entry; null: it does
 */
export function readDefinitions(
  definitions: RabbitmqDefinitions,
  vhost: string,
  problemOf: (kind: ReadKind, entry: object) => string | null,
): { read: ReadDefinitions; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const leaveOut = (kind: string, name: string, reason: string): void =>
    void leftOut.push({ kind, name, reason });
  const taken = <Written extends { vhost?: string | undefined }>(
    kind: ReadKind,
    entries: readonly Written[] = [],
    made: (entry: Written) => object | string,
  ): object[] => {
    const all = new Map<string, object>();
    for (const entry of entries) {
      if ((entry.vhost ?? vhost) !== vhost) continue;
      const one = made(entry);
      const problem = typeof one === 'string' ? one : problemOf(kind, one);
      if (problem !== null) leaveOut(kind, nameOf(kind, entry), problem);
      else if (typeof one !== 'string') all.set(identityOf(kind, one), one);
    }
    return [...all.values()];
  };

  const declared = definitions.exchanges?.filter(({ name }) => !isPredeclared(name));
  const exchanges = taken('exchanges', declared, exchangeOf);
  const queues = taken('queues', definitions.queues, queueOf);
  const absent = new Set(leftOut.map(({ kind, name }) => `${kind} ${name}`));
  const bindings = taken('bindings', definitions.bindings, (entry) => bindingOf(entry, absent));
  const policies = taken('policies', definitions.policies, (entry) => {
    try {
      const { policy, unknown } = readPolicy(entry);
      if (unknown.length > 0) leaveOut('policies', entry.name, withoutSettings(unknown));
      return toWire({ policy: entry.name, ...policy });
    } catch (error) {
      return (error as Error).message;
    }
  });
  for (const name of vhostsOf(definitions)) {
    if (name !== vhost)
      leaveOut('vhosts', name, `the file of "${vhost}" is read: put it into the namespace of "${name}" too`);
  }
  return {
    read: { exchanges, queues, bindings, policies },
    leftOut: [...leftOut, ...withoutCounterpart(definitions)],
  };
}

function vhostsOf({ vhosts, exchanges, queues, bindings, policies }: RabbitmqDefinitions): Set<string> {
  const entries = [exchanges, queues, bindings, policies].flatMap(
    (list): { vhost?: string | undefined }[] => list ?? [],
  );
  return new Set([...(vhosts ?? []).map(({ name }) => name), ...entries.flatMap(({ vhost }) => vhost ?? [])]);
}

/** A file that names an entry twice means one. */
function identityOf(kind: ReadKind, entry: object): string {
  return JSON.stringify(kind === 'bindings' ? entry : Object.values(entry)[0]);
}

function exchangeOf({
  name: exchange,
  type,
  auto_delete: autoDelete = false,
  internal = false,
  arguments: given,
}: Entry<'exchanges'>): object | string {
  if (!isWideName(exchange)) return unusable(exchange);
  const spec = readExchangeSpec({ exchange, type, autoDelete, internal, arguments: tableOf(given) });
  return isPortError(spec) ? spec.reason : toWire(spec);
}

function queueOf({
  name: queue,
  durable = true,
  auto_delete: autoDelete = false,
  arguments: given,
}: Entry<'queues'>): object | string {
  if (!isWideName(queue)) return unusable(queue);
  const table = tableOf(given);
  const args = readQueueArguments(queue, table);
  if (isPortError(args)) return args.reason;
  const compared = comparedArguments({ durable, autoDelete }, table);
  const declared = queueDeclarationOf({ queue, exclusive: false, autoDelete, arguments: args, compared });
  return isPortError(declared) ? declared.reason : toWire({ queue, ...declared });
}

/** @param absent what was left out: nothing can be bound to it */
function bindingOf(entry: Entry<'bindings'>, absent: ReadonlySet<string>): object | string {
  const { source, destination: name, destination_type: kind, routing_key: routingKey = '' } = entry;
  for (const [end, what] of [
    [source, 'exchange'],
    [name, kind],
  ] as const) {
    if (absent.has(`${what}s ${end}`)) return `the ${what} "${end}" is left out`;
    if (!isWideName(end)) return unusable(end);
  }
  // In an order of their own, so that two of the same are alike.
  const given = argumentsOf(tableOf(entry.arguments).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (isPortError(given)) return given.reason;
  return { source, destination: { kind, name }, routing_key: routingKey, arguments: given };
}

const unusable = (name: string): string => `the name "${name}" has to be ${WIDE_NAME_RULE}`;
