/** Method codec: methods as the payloads of frames, and back, by the table of methods. */

import { amqpError, type AmqpError } from '../reply-codes.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { readTable, writeTable, type FieldTable } from './field-table.ts';
import {
  methodName,
  METHODS,
  type FieldTypes,
  type Method,
  type MethodFields,
  type MethodName,
} from './methods.ts';

type Entry = [name: string, type: keyof FieldTypes];

/** The fields of each method as a list, which is faster to go through. */
const ENTRIES = new Map(
  (Object.keys(METHODS) as MethodName[]).map((name) => [
    name,
    Object.entries(METHODS[name].fields) as Entry[],
  ]),
);

const OCTET_BITS = 8;

/** Reads the payload of a method frame. */
export function decodeMethod(payload: Uint8Array): Method | AmqpError {
  const reader = new ByteReader(payload);
  const classId = reader.uint16();
  const methodId = reader.uint16();
  if (reader.isBroken) return amqpError('frame-error', 'a method frame ends before its ids');
  const name = methodName(classId, methodId);
  if (name === undefined) {
    return amqpError('command-invalid', `there is no method ${methodId} of class ${classId}`, {
      classId,
      methodId,
    });
  }
  const fields = readFields(reader, ENTRIES.get(name)!);
  if (reader.isBroken || reader.left > 0) {
    return amqpError('syntax-error', `the fields of ${name} are malformed`, { classId, methodId });
  }
  return { name, fields } as Method;
}

function readFields(reader: ByteReader, entries: readonly Entry[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  let bits = 0;
  let bitsUsed = OCTET_BITS;
  for (const [name, type] of entries) {
    if (type !== 'bit') {
      bitsUsed = OCTET_BITS;
      fields[name] = readField(reader, type);
      continue;
    }
    if (bitsUsed === OCTET_BITS) {
      bits = reader.uint8();
      bitsUsed = 0;
    }
    fields[name] = ((bits >> bitsUsed++) & 1) === 1;
  }
  return fields;
}

function readField(reader: ByteReader, type: Exclude<keyof FieldTypes, 'bit'>): unknown {
  switch (type) {
    case 'octet':
      return reader.uint8();
    case 'short':
      return reader.uint16();
    case 'long':
      return reader.uint32();
    case 'longlong':
      return reader.count64();
    case 'text':
      return reader.shortText();
    case 'bytes':
      return reader.longBytes();
    case 'table':
      return readTable(reader);
    default:
      return type satisfies never;
  }
}

/** The payload of a method frame. */
export function encodeMethod<Name extends MethodName>(name: Name, fields: MethodFields<Name>): Uint8Array {
  const writer = new ByteWriter();
  writeMethod(writer, name, fields);
  return writer.result();
}

export function writeMethod<Name extends MethodName>(
  writer: ByteWriter,
  name: Name,
  fields: MethodFields<Name>,
): void {
  const { classId, methodId } = METHODS[name];
  writer.uint16(classId);
  writer.uint16(methodId);
  const entries = ENTRIES.get(name)!;
  for (let at = 0; at < entries.length; at++) {
    if (entries[at]![1] !== 'bit') {
      writeField(writer, entries[at]![1], fields[entries[at]![0] as keyof typeof fields]);
      continue;
    }
    let bits = 0;
    let count = 0;
    for (; count < OCTET_BITS && entries[at + count]?.[1] === 'bit'; count++) {
      if (fields[entries[at + count]![0] as keyof typeof fields]) bits |= 1 << count;
    }
    writer.uint8(bits);
    at += count - 1;
  }
}

function writeField(writer: ByteWriter, type: keyof FieldTypes, value: unknown): void {
  switch (type) {
    case 'octet':
      return writer.uint8(value as number);
    case 'short':
      return writer.uint16(value as number);
    case 'long':
      return writer.uint32(value as number);
    case 'longlong':
      return writer.count64(value as number);
    case 'text':
      return writer.shortText(value as string);
    case 'bytes':
      return writer.longBytes(value as Uint8Array);
    case 'table':
      return writeTable(writer, value as FieldTable);
    case 'bit':
      return;
    default:
      return type satisfies never;
  }
}
