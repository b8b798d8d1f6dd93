/**
 * Field tables: the typed name-value pairs of AMQP's arguments and headers. Every value keeps its type and every table its
 * order, so a table that was read is written as the same bytes. The type letters are RabbitMQ's, which all clients use
 * ("AMQP 0-9-1 Errata"): they differ from those of the specification.
 *
 *   table = uint32 length in bytes, then pairs: short text (the name), uint8 type, value
 *   array = uint32 length in bytes, then values: uint8 type, value
 */

import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

export type FieldTable = readonly (readonly [name: string, value: FieldValue])[];

export type FieldValue =
  /** Boolean. */
  | { type: 't'; value: boolean }
  /** Integers of 8, 16 and 32 bits; signed, then unsigned. */
  | { type: 'b' | 's' | 'I' | 'B' | 'u' | 'i'; value: number }
  /** Integers of 64 bits: signed, unsigned, and a time in seconds since 1970. */
  | { type: 'l' | 'L' | 'T'; value: bigint }
  /** Floats of 32 and 64 bits. */
  | { type: 'f' | 'd'; value: number }
  /** Decimal: `unscaled / 10^scale`. */
  | { type: 'D'; scale: number; unscaled: number }
  /** Text that need not be UTF-8, and bytes. */
  | { type: 'S' | 'x'; value: Uint8Array }
  | { type: 'A'; value: readonly FieldValue[] }
  | { type: 'F'; value: FieldTable }
  /** Void. */
  | { type: 'V' };

/** Tables within each other. A reader that recurses must stay far from the end of its stack. */
export const TABLE_DEPTH_MAX = 64;

export function readTable(reader: ByteReader, depth = 0): FieldTable {
  if (depth > TABLE_DEPTH_MAX) reader.break();
  const table: [string, FieldValue][] = [];
  reader.within(reader.uint32(), () => {
    while (reader.left > 0) table.push([reader.shortText(), readValue(reader, depth)]);
  });
  return table;
}

function readArray(reader: ByteReader, depth: number): FieldValue[] {
  if (depth > TABLE_DEPTH_MAX) reader.break();
  const values: FieldValue[] = [];
  reader.within(reader.uint32(), () => {
    while (reader.left > 0) values.push(readValue(reader, depth));
  });
  return values;
}

function readValue(reader: ByteReader, depth: number): FieldValue {
  const type = String.fromCharCode(reader.uint8()) as FieldValue['type'];
  switch (type) {
    case 't':
      return { type, value: reader.uint8() !== 0 };
    case 'b':
      return { type, value: reader.int8() };
    case 'B':
      return { type, value: reader.uint8() };
    case 's':
      return { type, value: reader.int16() };
    case 'u':
      return { type, value: reader.uint16() };
    case 'I':
      return { type, value: reader.int32() };
    case 'i':
      return { type, value: reader.uint32() };
    case 'l':
      return { type, value: reader.int64() };
    case 'L':
    case 'T':
      return { type, value: reader.uint64() };
    case 'f':
      return { type, value: reader.float32() };
    case 'd':
      return { type, value: reader.float64() };
    case 'D':
      return { type, scale: reader.uint8(), unscaled: reader.int32() };
    case 'S':
    case 'x':
      return { type, value: reader.longBytes() };
    case 'A':
      return { type, value: readArray(reader, depth + 1) };
    case 'F':
      return { type, value: readTable(reader, depth + 1) };
    case 'V':
      return { type };
    default:
      reader.break();
      return { type: 'V' };
  }
}

export function writeTable(writer: ByteWriter, table: FieldTable): void {
  writer.withLength(() => {
    for (const [name, value] of table) {
      writer.shortText(name);
      writeValue(writer, value);
    }
  });
}

function writeValue(writer: ByteWriter, field: FieldValue): void {
  writer.uint8(field.type.charCodeAt(0));
  switch (field.type) {
    case 't':
      return writer.uint8(field.value ? 1 : 0);
    case 'b':
      return writer.int8(field.value);
    case 'B':
      return writer.uint8(field.value);
    case 's':
      return writer.int16(field.value);
    case 'u':
      return writer.uint16(field.value);
    case 'I':
      return writer.int32(field.value);
    case 'i':
      return writer.uint32(field.value);
    case 'l':
      return writer.int64(field.value);
    case 'L':
    case 'T':
      return writer.uint64(field.value);
    case 'f':
      return writer.float32(field.value);
    case 'd':
      return writer.float64(field.value);
    case 'D':
      writer.uint8(field.scale);
      return writer.int32(field.unscaled);
    case 'S':
    case 'x':
      return writer.longBytes(field.value);
    case 'A':
      return writer.withLength(() => field.value.forEach((value) => writeValue(writer, value)));
    case 'F':
      return writeTable(writer, field.value);
    case 'V':
      return;
    default:
      return field satisfies never;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A field of text, as servers send it. */
export const textField = (text: string): FieldValue => ({ type: 'S', value: encoder.encode(text) });

export const booleanField = (value: boolean): FieldValue => ({ type: 't', value });

/** The first value of that name. */
export function fieldOf(table: FieldTable, name: string): FieldValue | undefined {
  return table.find(([key]) => key === name)?.[1];
}

/** The text of a field; undefined for a field of another type. */
export function textOfField(field: FieldValue | undefined): string | undefined {
  return field?.type === 'S' ? decoder.decode(field.value) : undefined;
}

/** The number of a field of integers; undefined for a field of another type. */
export function integerOfField(field: FieldValue | undefined): number | undefined {
  if (field === undefined) return undefined;
  if ('bBsuIi'.includes(field.type)) return (field as { value: number }).value;
  return field.type === 'l' || field.type === 'L' ? Number(field.value) : undefined;
}

/** The header of further routing keys that consumers see. */
export const COPIES = 'CC';

/** The texts of a list, as routing keys. */
export function keysOf(field: FieldValue | undefined): string[] {
  const list = field?.type === 'A' ? field.value : [];
  return list.flatMap((item) => textOfField(item) ?? []);
}
