/**
 * Basic properties: the 14 properties of a message, as the content header has them.
 *
 *   properties = uint16 flags, one bit for each property from the highest down, then the values of those that are present.
 *                The lowest bit would announce further flags; AMQP 0-9-1 has no class that needs them.
 */

import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { readTable, writeTable, type FieldTable } from './field-table.ts';

export interface BasicProperties {
  contentType?: string;
  contentEncoding?: string;
  headers?: FieldTable;
  /** 2: persistent. */
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  /** A number of ms, as text. */
  expiration?: string;
  messageId?: string;
  /** In seconds since 1970. */
  timestamp?: bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

/** In the order of their flags. */
export const PROPERTY_TYPES = {
  contentType: 'text',
  contentEncoding: 'text',
  headers: 'table',
  deliveryMode: 'octet',
  priority: 'octet',
  correlationId: 'text',
  replyTo: 'text',
  expiration: 'text',
  messageId: 'text',
  timestamp: 'timestamp',
  type: 'text',
  userId: 'text',
  appId: 'text',
  clusterId: 'text',
} as const satisfies Record<keyof BasicProperties, string>;

const ENTRIES = Object.entries(PROPERTY_TYPES) as [keyof BasicProperties, string][];
const FIRST_FLAG = 1 << 15;
/** Flags that no property has. */
const UNKNOWN_FLAGS = 0b11;

export function readProperties(reader: ByteReader): BasicProperties {
  const flags = reader.uint16();
  if ((flags & UNKNOWN_FLAGS) !== 0) reader.break();
  const properties: Record<string, unknown> = {};
  // Most messages have one or two.
  for (let left = flags & ~UNKNOWN_FLAGS; left !== 0;) {
    const index = Math.clz32(left) - Math.clz32(FIRST_FLAG);
    left &= ~(FIRST_FLAG >> index);
    const [name, type] = ENTRIES[index]!;
    if (type === 'text') properties[name] = reader.shortText();
    else if (type === 'table') properties[name] = readTable(reader);
    else if (type === 'octet') properties[name] = reader.uint8();
    else properties[name] = reader.uint64();
  }
  return properties as BasicProperties;
}

export function writeProperties(writer: ByteWriter, properties: BasicProperties): void {
  const present = ENTRIES.filter(([name]) => properties[name] !== undefined);
  writer.uint16(present.reduce((flags, entry) => flags | (FIRST_FLAG >> ENTRIES.indexOf(entry)), 0));
  for (const [name, type] of present) {
    const value = properties[name];
    if (type === 'text') writer.shortText(value as string);
    else if (type === 'table') writeTable(writer, value as FieldTable);
    else if (type === 'octet') writer.uint8(value as number);
    else writer.uint64(value as bigint);
  }
}
