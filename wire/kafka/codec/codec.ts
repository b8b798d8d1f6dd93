/**
 * Codec: reads and writes any version of a message by the table. What is read or written for a version is planned once.
 *
 * A struct is an object with the names of the definitions, their first letter small. Reading fills fields that a version lacks with
 * their defaults; writing leaves out what a version lacks, and takes the default for what the object lacks.
 */

import { ByteReader } from './byte-reader.ts';
import { utf8, type ByteWriter } from './byte-writer.ts';
import { isWithin, type Field, type Message } from './message-table.ts';

export type Value = boolean | number | string | Uint8Array | null | Struct | readonly Value[];
export interface Struct {
  [name: string]: Value | undefined;
}

interface Plan {
  isFlexible: boolean;
  fields: FieldPlan[];
  tagged: Map<number, FieldPlan>;
  /** Fields that the version lacks, and their defaults. */
  absent: [string, Value][];
}

interface FieldPlan {
  name: string;
  tag: number;
  isNullable: boolean;
  /** The value of a field that is not given. */
  otherwise: Value;
  read: (reader: ByteReader) => Value;
  write: (writer: ByteWriter, value: Value) => void;
}

/** Unknown tagged fields that a message may have, and more than any has. */
const TAGS_MAX = 10_000;

const plans = new Map<Message, Plan[]>();

/** Reads a message. What follows it is left. The reader says whether it was malformed. */
export function readMessage(reader: ByteReader, message: Message, version: number): Struct {
  return readStruct(reader, planOf(message, version));
}

/** Reads a message that is all there is. Returns a text that says what is wrong with malformed bytes. */
export function decodeMessage(bytes: Uint8Array, message: Message, version: number): Struct | string {
  const reader = new ByteReader(bytes);
  const struct = readMessage(reader, message, version);
  return reader.problem ?? struct;
}

export function writeMessage(writer: ByteWriter, message: Message, version: number, struct: object): void {
  writeStruct(writer, planOf(message, version), struct as Struct);
}

function planOf(message: Message, version: number): Plan {
  let versions = plans.get(message);
  if (versions === undefined) plans.set(message, (versions = []));
  return (versions[version] ??= planFields(message.fields, version, isWithin(message.flexible, version)));
}

function planFields(fields: readonly Field[], version: number, isFlexible: boolean): Plan {
  const plan: Plan = { isFlexible, fields: [], tagged: new Map(), absent: [] };
  for (const field of fields) {
    if (!isWithin(field.versions, version)) {
      plan.absent.push([field.name, defaultOf(field)]);
      continue;
    }
    const planned = planField(field, version, isFlexible);
    if (isFlexible && isWithin(field.tagged, version)) plan.tagged.set(field.tag, planned);
    else plan.fields.push(planned);
  }
  return plan;
}

function planField(field: Field, version: number, isMessageFlexible: boolean): FieldPlan {
  const isFlexible = field.flexible === null ? isMessageFlexible : isWithin(field.flexible, version);
  const isNullable = isWithin(field.nullable, version);
  const one =
    ONE[field.type]?.(isFlexible) ?? structOf(field, version, isFlexible, !field.isArray && isNullable);
  const { read, write } = field.isArray ? arrayOf(one, isFlexible) : one;
  return { name: field.name, tag: field.tag, isNullable, otherwise: defaultOf(field), read, write };
}

function readStruct(reader: ByteReader, plan: Plan): Struct {
  const struct: Struct = {};
  for (const { name, read, isNullable } of plan.fields) {
    const value = read(reader);
    if (value === null && !isNullable) reader.breakWith(`${name} is null`);
    struct[name] = value;
  }
  for (const [name, value] of plan.absent) struct[name] = value;
  if (!plan.isFlexible) return struct;
  for (const { name, otherwise } of plan.tagged.values()) struct[name] = otherwise;
  const count = reader.varint();
  if (count > TAGS_MAX) reader.breakWith(`${count} tagged fields`);
  for (let nth = 0; nth < count && reader.problem === null; nth++) {
    const tag = reader.varint();
    const size = reader.varint();
    const end = reader.at + size;
    if (size > reader.left) return (reader.breakWith(`a tagged field of ${size} bytes`), struct);
    const known = plan.tagged.get(tag);
    if (known) struct[known.name] = known.read(reader);
    if (reader.at > end) reader.breakWith(`tagged field ${tag} is longer than it says`);
    reader.at = end;
  }
  return struct;
}

function writeStruct(writer: ByteWriter, plan: Plan, struct: Struct): void {
  for (const { name, write, otherwise } of plan.fields)
    write(writer, struct[name] ?? orDefault(struct[name], otherwise));
  if (!plan.isFlexible) return;
  const tagged = [...plan.tagged.values()].filter(({ name, otherwise }) => isGiven(struct[name], otherwise));
  writer.varint(tagged.length);
  for (const { name, tag, write } of tagged) writeTagged(writer, tag, write, struct[name]!);
}

/** `null` is a value; what is not there takes the default. */
function orDefault(value: null | undefined, otherwise: Value): Value {
  return value === undefined ? otherwise : null;
}

function isGiven(value: Value | undefined, otherwise: Value): boolean {
  if (value === undefined || value === otherwise) return false;
  return !(Array.isArray(value) && value.length === 0 && Array.isArray(otherwise));
}

function writeTagged(writer: ByteWriter, tag: number, write: FieldPlan['write'], value: Value): void {
  const apart = writer.apart();
  write(apart, value);
  writer.varint(tag);
  writer.varint(apart.length);
  for (const chunk of apart.take()) writer.raw(chunk);
}

type One = Pick<FieldPlan, 'read' | 'write'>;

function structOf(field: Field, version: number, isFlexible: boolean, isNullable: boolean): One {
  const plan = planFields(field.fields, version, isFlexible);
  return {
    read: (reader) => (isNullable && reader.int8() < 0 ? null : readStruct(reader, plan)),
    write: (writer, value) => {
      if (isNullable) writer.int8(value === null ? -1 : 1);
      if (value !== null) writeStruct(writer, plan, value as Struct);
    },
  };
}

function arrayOf({ read, write }: One, isFlexible: boolean): One {
  return {
    read: (reader) => {
      const given = isFlexible ? reader.varint() - 1 : reader.int32();
      if (given < 0) return null;
      const count = reader.count(given);
      const values: Value[] = [];
      for (let nth = 0; nth < count && reader.problem === null; nth++) values.push(read(reader));
      return values;
    },
    write: (writer, value) => {
      const values = value as readonly Value[] | null;
      if (isFlexible) writer.varint((values?.length ?? -1) + 1);
      else writer.int32(values?.length ?? -1);
      for (const each of values ?? []) write(writer, each);
    },
  };
}

const number = (
  read: (reader: ByteReader) => number,
  write: (writer: ByteWriter, value: number) => void,
): (() => One) => {
  const one: One = { read, write: (writer, value) => write(writer, value as number) };
  return () => one;
};

const bytes = (isFlexible: boolean): One => ({
  read: (reader) => {
    const length = isFlexible ? reader.varint() - 1 : reader.int32();
    return length < 0 ? null : reader.raw(length);
  },
  write: (writer, value) => {
    const given = value as Uint8Array | null;
    if (isFlexible) writer.varint((given?.length ?? -1) + 1);
    else writer.int32(given?.length ?? -1);
    if (given) writer.raw(given);
  },
});

const string = (isFlexible: boolean): One => ({
  read: (reader) => {
    const length = isFlexible ? reader.varint() - 1 : reader.int16();
    return length < 0 ? null : reader.text(length);
  },
  write: (writer, value) => {
    const given = value === null ? null : utf8(value as string);
    if (isFlexible) writer.varint((given?.length ?? -1) + 1);
    else writer.int16(given?.length ?? -1);
    if (given) writer.raw(given);
  },
});

const ONE: Readonly<Record<string, ((isFlexible: boolean) => One) | undefined>> = {
  bool: () => ({
    read: (reader) => reader.bool(),
    write: (writer, value) => writer.bool(value as boolean),
  }),
  uuid: () => ({
    read: (reader) => reader.uuid(),
    write: (writer, value) => writer.uuid(value as string),
  }),
  int8: number(
    (reader) => reader.int8(),
    (writer, value) => writer.int8(value),
  ),
  int16: number(
    (reader) => reader.int16(),
    (writer, value) => writer.int16(value),
  ),
  uint16: number(
    (reader) => reader.uint16(),
    (writer, value) => writer.uint16(value),
  ),
  int32: number(
    (reader) => reader.int32(),
    (writer, value) => writer.int32(value),
  ),
  uint32: number(
    (reader) => reader.uint32(),
    (writer, value) => writer.uint32(value),
  ),
  int64: number(
    (reader) => reader.int64(),
    (writer, value) => writer.int64(value),
  ),
  float64: number(
    (reader) => reader.float64(),
    (writer, value) => writer.float64(value),
  ),
  bytes,
  records: bytes,
  string,
};

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

function defaultOf(field: Field): Value {
  if (field.default === 'null') return null;
  if (field.isArray) return [];
  const given = field.default;
  switch (field.type) {
    case 'bool':
      return given === 'true';
    case 'string':
      return given ?? '';
    case 'uuid':
      return ZERO_UUID;
    case 'bytes':
    case 'records':
      return new Uint8Array();
    case 'struct':
      return Object.fromEntries(field.fields.map((each) => [each.name, defaultOf(each)]));
    default:
      return given === undefined ? 0 : Number(given);
  }
}
