/**
 * The methods of AMQP 0-9-1 with RabbitMQ's extensions: class, method, and fields in the order of the wire. Decoding and encoding
 * follow from this table (method-codec.ts).
 *
 * Types: `octet`, `short`, `long`, `longlong` are unsigned integers of 8 to 64 bits. `text` has at most 255 bytes, `bytes` any
 * number. Consecutive `bit`s share an octet, the first in its lowest bit. Fields that the specification reserves are here
 * too, since they are on the wire.
 */

import type { FieldTable } from './field-table.ts';

export interface FieldTypes {
  bit: boolean;
  octet: number;
  short: number;
  long: number;
  /** Exact to 2^53; no tag gets there. */
  longlong: number;
  text: string;
  bytes: Uint8Array;
  table: FieldTable;
}

type Fields = Readonly<Record<string, keyof FieldTypes>>;

const method = <const F extends Fields>(classId: number, methodId: number, fields: F) => ({
  classId,
  methodId,
  fields,
});

const CLOSE = { replyCode: 'short', replyText: 'text', classId: 'short', methodId: 'short' } as const;

const BINDING = {
  reserved1: 'short',
  destination: 'text',
  source: 'text',
  routingKey: 'text',
  noWait: 'bit',
  arguments: 'table',
} as const;

const QUEUE_BINDING = { reserved1: 'short', queue: 'text', exchange: 'text', routingKey: 'text' } as const;

export const METHODS = {
  'connection.start': method(10, 10, {
    versionMajor: 'octet',
    versionMinor: 'octet',
    serverProperties: 'table',
    mechanisms: 'bytes',
    locales: 'bytes',
  }),
  'connection.start-ok': method(10, 11, {
    clientProperties: 'table',
    mechanism: 'text',
    response: 'bytes',
    locale: 'text',
  }),
  'connection.secure': method(10, 20, { challenge: 'bytes' }),
  'connection.secure-ok': method(10, 21, { response: 'bytes' }),
  'connection.tune': method(10, 30, { channelMax: 'short', frameMax: 'long', heartbeat: 'short' }),
  'connection.tune-ok': method(10, 31, { channelMax: 'short', frameMax: 'long', heartbeat: 'short' }),
  'connection.open': method(10, 40, { virtualHost: 'text', capabilities: 'text', insist: 'bit' }),
  'connection.open-ok': method(10, 41, { knownHosts: 'text' }),
  'connection.close': method(10, 50, CLOSE),
  'connection.close-ok': method(10, 51, {}),
  'connection.blocked': method(10, 60, { reason: 'text' }),
  'connection.unblocked': method(10, 61, {}),
  'connection.update-secret': method(10, 70, { newSecret: 'bytes', reason: 'text' }),
  'connection.update-secret-ok': method(10, 71, {}),

  'channel.open': method(20, 10, { outOfBand: 'text' }),
  'channel.open-ok': method(20, 11, { channelId: 'bytes' }),
  'channel.flow': method(20, 20, { active: 'bit' }),
  'channel.flow-ok': method(20, 21, { active: 'bit' }),
  'channel.close': method(20, 40, CLOSE),
  'channel.close-ok': method(20, 41, {}),

  'access.request': method(30, 10, {
    realm: 'text',
    exclusive: 'bit',
    passive: 'bit',
    active: 'bit',
    write: 'bit',
    read: 'bit',
  }),
  'access.request-ok': method(30, 11, { reserved1: 'short' }),

  'exchange.declare': method(40, 10, {
    reserved1: 'short',
    exchange: 'text',
    type: 'text',
    passive: 'bit',
    durable: 'bit',
    autoDelete: 'bit',
    internal: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  'exchange.declare-ok': method(40, 11, {}),
  'exchange.delete': method(40, 20, { reserved1: 'short', exchange: 'text', ifUnused: 'bit', noWait: 'bit' }),
  'exchange.delete-ok': method(40, 21, {}),
  'exchange.bind': method(40, 30, BINDING),
  'exchange.bind-ok': method(40, 31, {}),
  'exchange.unbind': method(40, 40, BINDING),
  'exchange.unbind-ok': method(40, 51, {}),

  'queue.declare': method(50, 10, {
    reserved1: 'short',
    queue: 'text',
    passive: 'bit',
    durable: 'bit',
    exclusive: 'bit',
    autoDelete: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  'queue.declare-ok': method(50, 11, { queue: 'text', messageCount: 'long', consumerCount: 'long' }),
  'queue.bind': method(50, 20, { ...QUEUE_BINDING, noWait: 'bit', arguments: 'table' }),
  'queue.bind-ok': method(50, 21, {}),
  'queue.purge': method(50, 30, { reserved1: 'short', queue: 'text', noWait: 'bit' }),
  'queue.purge-ok': method(50, 31, { messageCount: 'long' }),
  'queue.delete': method(50, 40, {
    reserved1: 'short',
    queue: 'text',
    ifUnused: 'bit',
    ifEmpty: 'bit',
    noWait: 'bit',
  }),
  'queue.delete-ok': method(50, 41, { messageCount: 'long' }),
  'queue.unbind': method(50, 50, { ...QUEUE_BINDING, arguments: 'table' }),
  'queue.unbind-ok': method(50, 51, {}),

  'basic.qos': method(60, 10, { prefetchSize: 'long', prefetchCount: 'short', global: 'bit' }),
  'basic.qos-ok': method(60, 11, {}),
  'basic.consume': method(60, 20, {
    reserved1: 'short',
    queue: 'text',
    consumerTag: 'text',
    noLocal: 'bit',
    noAck: 'bit',
    exclusive: 'bit',
    noWait: 'bit',
    arguments: 'table',
  }),
  'basic.consume-ok': method(60, 21, { consumerTag: 'text' }),
  'basic.cancel': method(60, 30, { consumerTag: 'text', noWait: 'bit' }),
  'basic.cancel-ok': method(60, 31, { consumerTag: 'text' }),
  'basic.publish': method(60, 40, {
    reserved1: 'short',
    exchange: 'text',
    routingKey: 'text',
    mandatory: 'bit',
    immediate: 'bit',
  }),
  'basic.return': method(60, 50, {
    replyCode: 'short',
    replyText: 'text',
    exchange: 'text',
    routingKey: 'text',
  }),
  'basic.deliver': method(60, 60, {
    consumerTag: 'text',
    deliveryTag: 'longlong',
    redelivered: 'bit',
    exchange: 'text',
    routingKey: 'text',
  }),
  'basic.get': method(60, 70, { reserved1: 'short', queue: 'text', noAck: 'bit' }),
  'basic.get-ok': method(60, 71, {
    deliveryTag: 'longlong',
    redelivered: 'bit',
    exchange: 'text',
    routingKey: 'text',
    messageCount: 'long',
  }),
  'basic.get-empty': method(60, 72, { clusterId: 'text' }),
  'basic.ack': method(60, 80, { deliveryTag: 'longlong', multiple: 'bit' }),
  'basic.reject': method(60, 90, { deliveryTag: 'longlong', requeue: 'bit' }),
  'basic.recover-async': method(60, 100, { requeue: 'bit' }),
  'basic.recover': method(60, 110, { requeue: 'bit' }),
  'basic.recover-ok': method(60, 111, {}),
  'basic.nack': method(60, 120, { deliveryTag: 'longlong', multiple: 'bit', requeue: 'bit' }),

  'confirm.select': method(85, 10, { noWait: 'bit' }),
  'confirm.select-ok': method(85, 11, {}),

  'tx.select': method(90, 10, {}),
  'tx.select-ok': method(90, 11, {}),
  'tx.commit': method(90, 20, {}),
  'tx.commit-ok': method(90, 21, {}),
  'tx.rollback': method(90, 30, {}),
  'tx.rollback-ok': method(90, 31, {}),
} as const;

export type MethodName = keyof typeof METHODS;

export type MethodFields<Name extends MethodName> = {
  -readonly [
    Field in keyof (typeof METHODS)[Name]['fields']
  ]: (typeof METHODS)[Name]['fields'][Field] extends keyof FieldTypes
    ? FieldTypes[(typeof METHODS)[Name]['fields'][Field]]
    : never;
};

/** A method with its fields, discriminated by its name. */
export type Method = { [Name in MethodName]: { name: Name; fields: MethodFields<Name> } }[MethodName];

/** Class and method as one number. */
export const methodKey = (classId: number, methodId: number): number => classId * 0x10000 + methodId;

const NAMES = new Map(
  (Object.keys(METHODS) as MethodName[]).map((name) => [
    methodKey(METHODS[name].classId, METHODS[name].methodId),
    name,
  ]),
);

export function methodName(classId: number, methodId: number): MethodName | undefined {
  return NAMES.get(methodKey(classId, methodId));
}
