import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMethod, encodeMethod } from '../../../../wire/amqp/codec/method-codec.ts';
import {
  METHODS,
  methodKey,
  type FieldTypes,
  type MethodFields,
  type MethodName,
} from '../../../../wire/amqp/codec/methods.ts';
import { isAmqpError } from '../../../../wire/amqp/reply-codes.ts';
import { definitions, methodInfos } from './amqplib-definitions.ts';
import { fieldTable, shortText } from './arbitraries.ts';

const names = Object.keys(METHODS) as MethodName[];

const VALUES: { [Type in keyof FieldTypes]: fc.Arbitrary<FieldTypes[Type]> } = {
  bit: fc.boolean(),
  octet: fc.nat(255),
  short: fc.nat(65_535),
  long: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  longlong: fc.maxSafeNat(),
  text: shortText,
  bytes: fc.uint8Array({ maxLength: 300 }),
  table: fieldTable,
};

const method = fc
  .constantFrom(...names)
  .chain((name) =>
    fc
      .record(
        Object.fromEntries(Object.entries(METHODS[name].fields).map(([key, type]) => [key, VALUES[type]])),
      )
      .map((fields) => ({ name, fields: fields as MethodFields<MethodName> })),
  );

/** Their types as amqplib names them. */
const TYPES: Record<string, keyof FieldTypes> = { shortstr: 'text', longstr: 'bytes' };

/** Values that both encoders take. */
const SAMPLES: Record<keyof FieldTypes, [ours: unknown, theirs: unknown]> = {
  bit: [true, true],
  octet: [200, 200],
  short: [50_000, 50_000],
  long: [4_000_000_000, 4_000_000_000],
  longlong: [2 ** 40 + 3, 2 ** 40 + 3],
  text: ['näme', 'näme'],
  bytes: [new Uint8Array([1, 2, 3]), Buffer.from([1, 2, 3])],
  table: [[['on', { type: 't', value: true }]], { on: true }],
};

describe('the table of methods', () => {
  it('has the methods that amqplib knows, each with fields of the same types in the same order', () => {
    expect(methodInfos.length).toBeGreaterThan(60);
    const ours = names.map((name) => [
      methodKey(METHODS[name].classId, METHODS[name].methodId),
      Object.values(METHODS[name].fields),
    ]);
    const theirs = methodInfos.map(({ id, args }) => [id, args.map(({ type }) => TYPES[type] ?? type)]);
    expect(new Map(ours as [number, string[]][])).toEqual(new Map(theirs as [number, string[]][]));
  });

  it.each(methodInfos.map((info) => [info.name, info] as const))(
    'writes %s as the bytes that amqplib writes',
    (_, { id, classId, methodId, args }) => {
      const name = names.find(
        (each) => METHODS[each].classId === classId && METHODS[each].methodId === methodId,
      )!;
      const fields = Object.entries(METHODS[name].fields) as [string, keyof FieldTypes][];
      for (const bit of [true, false]) {
        const sample = (type: keyof FieldTypes, side: 0 | 1) => (type === 'bit' ? bit : SAMPLES[type][side]);
        const ours = Object.fromEntries(fields.map(([field, type]) => [field, sample(type, 0)]));
        const theirs = Object.fromEntries(args.map((arg, at) => [arg.name, sample(fields[at]![1], 1)]));
        // Its frames have a head of seven bytes and an end of one.
        const frame = definitions.encodeMethod(id, 1, theirs);
        const payload = frame.subarray(7, frame.length - 1);
        expect(encodeMethod(name, ours as MethodFields<MethodName>)).toEqual(new Uint8Array(payload));
        expect(decodeMethod(new Uint8Array(payload))).toEqual({ name, fields: ours });
      }
    },
  );
});

describe('a method', () => {
  it('survives being written and read', () => {
    fc.assert(
      fc.property(method, ({ name, fields }) => {
        expect(decodeMethod(encodeMethod(name, fields))).toEqual({ name, fields });
      }),
    );
  });

  it('that is cut off, or longer than its fields, is refused with 502', () => {
    fc.assert(
      fc.property(method, fc.nat(), ({ name, fields }, cut) => {
        const bytes = encodeMethod(name, fields);
        if (bytes.length === 4) return;
        const cutOff = decodeMethod(bytes.subarray(0, 4 + (cut % (bytes.length - 4))));
        const { classId, methodId } = METHODS[name];
        expect(cutOff).toMatchObject({ replyCode: 502, classId, methodId, isHard: true });
        expect(decodeMethod(new Uint8Array([...bytes, 0]))).toMatchObject({ replyCode: 502 });
      }),
    );
  });

  it.each([
    ['without ids', [0, 60, 0], 501],
    ['of an unknown class', [0, 61, 0, 40], 503],
    ['unknown in its class', [0, 60, 0, 41], 503],
    ['with text that is not UTF-8', [0, 60, 0, 21, 1, 0xff], 502],
    ['with a table longer than the frame', [0, 60, 0, 20, 0, 0, 0, 0, 0, 255, 255, 255, 255, 1], 502],
  ])('%s is refused', (_, bytes, replyCode) => {
    expect(decodeMethod(new Uint8Array(bytes))).toMatchObject({ replyCode });
  });

  it('made of any bytes is read or refused, and never throws', () => {
    const ids = fc.constantFrom(...names).map((name) => [METHODS[name].classId, METHODS[name].methodId]);
    fc.assert(
      fc.property(ids, fc.uint8Array({ maxLength: 200 }), ([classId, methodId], rest) => {
        const read = decodeMethod(new Uint8Array([0, classId!, 0, methodId!, ...rest]));
        expect(isAmqpError(read) || read.name in METHODS).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
