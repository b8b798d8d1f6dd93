/** Arbitrary field tables and properties. */

import fc from 'fast-check';
import type { FieldTable, FieldValue } from '../../../../wire/amqp/codec/field-table.ts';
import type { BasicProperties } from '../../../../wire/amqp/codec/properties.ts';

const encoder = new TextEncoder();

export const shortText = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((text) => encoder.encode(text).length <= 255);

const integer = (type: string, min: number, max: number) =>
  fc.record({ type: fc.constant(type), value: fc.integer({ min, max }) });
const bigInteger = (type: string, min: bigint, max: bigint) =>
  fc.record({ type: fc.constant(type), value: fc.bigInt({ min, max }) });
const bytes = (type: string) =>
  fc.record({ type: fc.constant(type), value: fc.uint8Array({ maxLength: 50 }) });

const { table } = fc.letrec<{ table: FieldTable; value: FieldValue }>((tie) => ({
  table: fc.array(fc.tuple(shortText, tie('value')), { maxLength: 6 }),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ type: fc.constant('t'), value: fc.boolean() }),
    integer('b', -128, 127),
    integer('B', 0, 255),
    integer('s', -32_768, 32_767),
    integer('u', 0, 65_535),
    integer('I', -(2 ** 31), 2 ** 31 - 1),
    integer('i', 0, 2 ** 32 - 1),
    bigInteger('l', -(2n ** 63n), 2n ** 63n - 1n),
    bigInteger('L', 0n, 2n ** 64n - 1n),
    bigInteger('T', 0n, 2n ** 64n - 1n),
    fc.record({ type: fc.constant('f'), value: fc.float() }),
    fc.record({ type: fc.constant('d'), value: fc.double() }),
    fc.record({ type: fc.constant('D'), scale: fc.nat(255), unscaled: fc.integer() }),
    bytes('S'),
    bytes('x'),
    fc.record({ type: fc.constant('A'), value: fc.array(tie('value'), { maxLength: 4 }) }),
    fc.record({ type: fc.constant('F'), value: tie('table') }),
    fc.constant({ type: 'V' }),
  ) as fc.Arbitrary<FieldValue>,
}));

export const fieldTable: fc.Arbitrary<FieldTable> = table;

export const basicProperties: fc.Arbitrary<BasicProperties> = fc.record(
  {
    contentType: shortText,
    contentEncoding: shortText,
    headers: fieldTable,
    deliveryMode: fc.nat(255),
    priority: fc.nat(255),
    correlationId: shortText,
    replyTo: shortText,
    expiration: shortText,
    messageId: shortText,
    timestamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    type: shortText,
    userId: shortText,
    appId: shortText,
    clusterId: shortText,
  },
  { requiredKeys: [] },
);
