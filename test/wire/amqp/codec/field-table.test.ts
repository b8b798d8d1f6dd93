import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../../wire/amqp/codec/byte-reader.ts';
import { ByteWriter } from '../../../../wire/amqp/codec/byte-writer.ts';
import {
  integerOfField,
  readTable,
  TABLE_DEPTH_MAX,
  textField,
  textOfField,
  writeTable,
  type FieldTable,
  type FieldValue,
} from '../../../../wire/amqp/codec/field-table.ts';
import { fieldTable } from './arbitraries.ts';

function written(table: FieldTable): Uint8Array {
  const writer = new ByteWriter(1);
  writeTable(writer, table);
  return writer.result();
}

function read(bytes: Uint8Array): FieldTable | null {
  const reader = new ByteReader(bytes);
  const table = readTable(reader);
  return reader.isBroken || reader.left > 0 ? null : table;
}

/** `name` with a value, as a table. */
const tableOf = (...value: number[]): Uint8Array =>
  new Uint8Array([0, 0, 0, 2 + value.length, 1, 0x6e, ...value]);

const code = (type: FieldValue['type']): number => type.charCodeAt(0);

describe('a field table', () => {
  it.each<[FieldValue, number[]]>([
    [{ type: 't', value: true }, [1]],
    [{ type: 'b', value: -2 }, [0xfe]],
    [{ type: 'B', value: 254 }, [0xfe]],
    [{ type: 's', value: -2 }, [0xff, 0xfe]],
    [{ type: 'u', value: 65_534 }, [0xff, 0xfe]],
    [{ type: 'I', value: -2 }, [0xff, 0xff, 0xff, 0xfe]],
    [{ type: 'i', value: 4_294_967_294 }, [0xff, 0xff, 0xff, 0xfe]],
    [{ type: 'l', value: -2n }, [255, 255, 255, 255, 255, 255, 255, 0xfe]],
    [{ type: 'L', value: 2n ** 64n - 2n }, [255, 255, 255, 255, 255, 255, 255, 0xfe]],
    [{ type: 'T', value: 1_700_000_000n }, [0, 0, 0, 0, 0x65, 0x53, 0xf1, 0]],
    [{ type: 'f', value: 0.5 }, [0x3f, 0, 0, 0]],
    [{ type: 'd', value: 0.5 }, [0x3f, 0xe0, 0, 0, 0, 0, 0, 0]],
    [{ type: 'D', scale: 2, unscaled: -1 }, [2, 255, 255, 255, 255]],
    [{ type: 'S', value: new Uint8Array([0xff]) }, [0, 0, 0, 1, 0xff]],
    [{ type: 'x', value: new Uint8Array([7]) }, [0, 0, 0, 1, 7]],
    [{ type: 'A', value: [{ type: 'V' }, { type: 'V' }] }, [0, 0, 0, 2, 0x56, 0x56]],
    [{ type: 'F', value: [['', { type: 'V' }]] }, [0, 0, 0, 2, 0, 0x56]],
    [{ type: 'V' }, []],
  ])('has %o as its bytes', (value, bytes) => {
    const expected = tableOf(code(value.type), ...bytes);
    expect(written([['n', value]])).toEqual(expected);
    expect(read(expected)).toEqual([['n', value]]);
  });

  it('survives being written and read, with all types and in its order', () => {
    fc.assert(
      fc.property(fieldTable, (table) => {
        expect(read(written(table))).toEqual(table);
      }),
    );
  });

  it.each<[string, Uint8Array]>([
    ['an unknown type', tableOf(0x51, 0)],
    ['no value', tableOf()],
    ['a text that is longer than the table', tableOf(code('S'), 0, 0, 0, 9, 1)],
    ['an array that claims 4 GiB', tableOf(code('A'), 255, 255, 255, 255)],
    ['a nested table that ends inside a value', tableOf(code('F'), 0, 0, 0, 3, 0, code('s'), 1)],
    ['a length above what is there', new Uint8Array([0, 0, 0, 9, 0])],
  ])('with %s is refused', (_, bytes) => {
    expect(read(bytes)).toBeNull();
  });

  it.each(['A', 'F'] as const)('with %s nested to the bound is read, and one deeper is refused', (type) => {
    const nested = (depth: number): FieldTable => {
      let value: FieldValue = { type: 'V' };
      for (let at = 0; at < depth; at++) {
        value = type === 'A' ? { type, value: [value] } : { type, value: [['', value]] };
      }
      return [['n', value]];
    };
    expect(read(written(nested(TABLE_DEPTH_MAX)))).toEqual(nested(TABLE_DEPTH_MAX));
    expect(read(written(nested(TABLE_DEPTH_MAX + 1)))).toBeNull();
  });

  it('with arrays nested 20,000 deep is refused, without a deep stack', () => {
    const depth = 20_000;
    const bytes = new Uint8Array(4 + 1 + 5 * depth);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length - 4);
    for (let at = 5; at < bytes.length; at += 5) {
      view.setUint8(at, code('A'));
      view.setUint32(at + 1, bytes.length - at - 5);
    }
    expect(read(bytes)).toBeNull();
  });

  it('has text and integers for whoever asks for those, and nothing for other types', () => {
    expect(textOfField(textField('ä'))).toBe('ä');
    expect(textOfField({ type: 'I', value: 1 })).toBeUndefined();
    expect(textOfField(undefined)).toBeUndefined();
    expect(integerOfField({ type: 'u', value: 7 })).toBe(7);
    expect(integerOfField({ type: 'l', value: 7n })).toBe(7);
    expect(integerOfField(textField('7'))).toBeUndefined();
    expect(integerOfField({ type: 'd', value: 7 })).toBeUndefined();
    expect(integerOfField({ type: 'V' })).toBeUndefined();
  });
});
