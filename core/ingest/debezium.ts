/**
 * Debezium's changes: the table, the key and the records of an event.
 *
 *   plain         {before, after, source, op, ...}, or {schema, payload: {...}}
 *   CloudEvents   attributes iodebezium..., and `data` with before and after, or {schema, payload}
 */

import { isJsonType, type CloudEvent } from '../../protocol/cloud-events/cloud-event.ts';
import { recordOfEvent } from '../../protocol/cloud-events/stored-event.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { base64OfBytes } from '../../protocol/json/json-bytes.ts';
import { parseJson, parseJsonText } from '../../protocol/json/json-parse.ts';
import { isName } from '../../protocol/schemas/names.ts';
import { CHANGE_HEADER, nameOfChange } from './known-changes.ts';
import type { ProduceRecord } from '../../protocol/schemas/records.ts';
import type { DebeziumTarget } from '../../protocol/schemas/ingest.ts';

/** What is no letter of a topic's name becomes `_`, as in Debezium. */
const NOT_IN_NAMES = /[^A-Za-z0-9._-]/g;

type Fields = Record<string, unknown>;

/** What an event says, whichever form it has. */
export interface Change {
  /** Null: it is no change of a table. */
  readonly table: Readonly<Record<'server' | 'db' | 'schema' | 'table', string | null>> | null;
  readonly op: string;
  /** After the change, or before it if there is nothing after. */
  readonly row: Fields | null;
  /** Where in the log of its database it is; null: it does not say. */
  readonly lsn: string | null;
  readonly txId: string | null;
  /** The rows before and after as text: what tells two changes at one position apart. */
  readonly rowText: string;
}

/** A number as it was written, which may have more digits than a double. */
class WrittenNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** @param text JSON that was checked */
export function changeOfJson(text: string): Change | Failure {
  const value = unwrapped(parse(text));
  if (value === null) return failure('invalid_event', 'a change is a JSON object');
  const source = fieldsOf(value['source']) ?? {};
  const name = (field: string): string | null => textOf(source[field]);
  const table = name('table') ?? name('collection');
  const server = name('name');
  return {
    table:
      table === null || server === null ? null : { server, db: name('db'), schema: name('schema'), table },
    op: textOf(value['op']) ?? '',
    row: rowOf(value['after']) ?? rowOf(value['before']),
    lsn: name('lsn'),
    txId: name('txId'),
    rowText: rowsOf(value),
  };
}

export function changeOfEvent({ attributes, data }: CloudEvent): Change {
  const name = (field: string): string | null => attributes.get(`iodebezium${field}`) ?? null;
  const table = name('table') ?? name('collection');
  const server = name('name');
  const isJson = isJsonType(attributes.get('datacontenttype'));
  // Data that came as base64 is nothing that anybody has checked.
  const isRead = data !== null && isJson && !isFailure(parseJson(data));
  const value = isRead ? unwrapped(parse(new TextDecoder().decode(data))) : null;
  return {
    table:
      table === null || server === null ? null : { server, db: name('db'), schema: name('schema'), table },
    op: name('op') ?? '',
    row: rowOf(value?.['after']) ?? rowOf(value?.['before']),
    lsn: name('lsn'),
    txId: name('txid'),
    rowText: rowsOf(value),
  };
}

/** Returns the name of the topic of a change. */
export function topicOf(
  { table }: Change,
  { topic, other }: Pick<DebeziumTarget, 'topic' | 'other'>,
): string | Failure {
  if (table === null) {
    if (other !== undefined) return other;
    return failure(
      'invalid_event',
      'the event is no change of a table: it has no source.name and source.table; `other` names a topic for such events',
    );
  }
  const { server, db, schema, table: own } = table;
  const name =
    topic === undefined
      ? [server, schema ?? db, own].filter((part) => part !== null).join('.')
      : topic.replaceAll(/\{(\w+)\}/g, (_, part: string) => table[part as keyof typeof table] ?? '');
  const legal = name.replaceAll(NOT_IN_NAMES, '_');
  if (isName(legal)) return legal;
  return failure(
    'invalid_event',
    `"${legal.slice(0, 60)}" is not the name of a topic; \`topic\` names another`,
  );
}

/** Returns the key of a change: the columns and their values as JSON, as Debezium writes keys. Null: it has none. */
export function keyOf({ row }: Change, columns: string | undefined): string | null | Failure {
  // What is of no row has no key, such as a truncate.
  if (columns === undefined || row === null) return null;
  const members: string[] = [];
  for (const column of columns.split(',')) {
    if (!Object.hasOwn(row, column))
      return failure('invalid_event', `the row has no column "${column.slice(0, 60)}", which \`key\` names`);
    members.push(`${JSON.stringify(column)}:${write(row[column])}`);
  }
  return `{${members.join(',')}}`;
}

/** Returns the records of a change. The value is the event as it came; of a CloudEvent its data, with attributes as headers. */
export function recordsOf(
  given: { change: Change; bytes: Uint8Array } | { change: Change; event: CloudEvent },
  { key: columns, tombstones }: Pick<DebeziumTarget, 'key' | 'tombstones'>,
): ProduceRecord[] | Failure {
  const { change } = given;
  const key = keyOf(change, columns);
  if (isFailure(key)) return key;
  let record: ProduceRecord;
  if ('event' in given) {
    const stored = recordOfEvent(given.event, undefined);
    if (isFailure(stored)) return stored;
    record = { ...stored, key: key ?? stored.key };
  } else
    record = {
      key,
      value: { $base64: base64OfBytes(given.bytes) } as never,
      headers: { 'content-type': 'application/json' },
    };
  const name = nameOfChange(change);
  if (name !== null) record = { ...record, headers: { ...record.headers, [CHANGE_HEADER]: name } };
  const isDeleted = tombstones && change.op === 'd' && record.key !== null;
  if (!isDeleted) return [record];
  const headers = name === null ? {} : { headers: { [CHANGE_HEADER]: `${name} tombstone` } };
  return [record, { key: record.key, value: null as never, ...headers }];
}

/** A document of MongoDB comes as the text of its JSON. */
function rowOf(value: unknown): Fields | null {
  if (typeof value !== 'string') return fieldsOf(value);
  return isFailure(parseJsonText(value)) ? null : fieldsOf(parse(value));
}

function rowsOf(value: Fields | null): string {
  return write([value?.['before'] ?? null, value?.['after'] ?? null]);
}

/** Without the schema that Kafka Connect puts around it. */
function unwrapped(value: unknown): Fields | null {
  const fields = fieldsOf(value);
  if (fields === null || !('schema' in fields && 'payload' in fields)) return fields;
  return fieldsOf(fields['payload']);
}

/** Numbers keep their text. */
function parse(text: string): unknown {
  type Reviver = (name: string, value: unknown, context?: { source?: string }) => unknown;
  const reviver: Reviver = (_, value, context) =>
    typeof value === 'number' ? new WrittenNumber(context?.source ?? String(value)) : value;
  return JSON.parse(text, reviver as (name: string, value: unknown) => unknown);
}

function write(value: unknown): string {
  if (value instanceof WrittenNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const fields = fieldsOf(value);
  if (fields === null) return JSON.stringify(value);
  return `{${Object.entries(fields)
    .map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`)
    .join(',')}}`;
}

function textOf(value: unknown): string | null {
  if (value instanceof WrittenNumber) return value.text;
  return typeof value === 'string' && value !== '' ? value : null;
}

function fieldsOf(value: unknown): Fields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return value instanceof WrittenNumber ? null : (value as Fields);
}
