/**
 * Stored event: a CloudEvent as a record of a topic, or as a message. Its data is the value or the body, and each attribute is a
 * header `ce_<name>`, as in the Kafka binding of CloudEvents.
 */

import { failure, type Failure } from '../errors.ts';
import { PROPERTY_LENGTH_MAX } from '../limits.ts';
import { base64OfBytes } from '../json/json-bytes.ts';
import type { HeaderFields } from '../json/header-fields.ts';
import type { ProduceRecord } from '../schemas/records.ts';
import type { CloudEvent } from './cloud-event.ts';
import { msOfTime } from './event-time.ts';

const HEADER_PREFIX = 'ce_';

/** The extension whose value a Kafka client would take as the key. */
const KEY_DEFAULT = 'partitionkey';

export const ROUTING_KEY_DEFAULT = 'type';

/** A message as the JSON of a publish has it. */
export interface EventMessage {
  body: Bytes;
  headers: HeaderFields;
  properties: Record<string, string | number>;
  routing_key?: string;
}

type Bytes = { $base64: string } | null;

/** @param attribute the one whose value is the key; undefined: `partitionkey`, if there is one */
export function recordOfEvent(
  { attributes, data }: CloudEvent,
  attribute: string | undefined,
): (ProduceRecord & { key: string | null }) | Failure {
  const key = attributes.get(attribute ?? KEY_DEFAULT);
  if (key === undefined && attribute !== undefined) return lacks(attribute, 'key');
  const type = attributes.get('datacontenttype');
  const headers = { ...(type !== undefined && { 'content-type': type }), ...headersOf(attributes) };
  return { key: key ?? null, value: bytesOf(data), headers };
}

/** @param id of the event among all: of its `source` and `id` */
export function messageOfEvent({ attributes, data }: CloudEvent, id: string): EventMessage {
  const properties: EventMessage['properties'] = { message_id: id };
  const [contentType, type] = [attributes.get('datacontenttype'), attributes.get('type')!];
  const time = attributes.get('time');
  if (contentType !== undefined && contentType.length <= PROPERTY_LENGTH_MAX)
    properties['content_type'] = contentType;
  if (type.length <= PROPERTY_LENGTH_MAX) properties['type'] = type;
  const timestamp = time === undefined ? null : msOfTime(time);
  // A property has no time before 1970; the attribute has it.
  if (timestamp !== null && timestamp >= 0) properties['timestamp'] = timestamp;
  return { body: bytesOf(data), headers: headersOf(attributes), properties };
}

/** @param attribute the one whose value is the routing key */
export function routedMessageOfEvent(
  event: CloudEvent,
  id: string,
  attribute: string = ROUTING_KEY_DEFAULT,
): EventMessage | Failure {
  const key = event.attributes.get(attribute);
  return key === undefined
    ? lacks(attribute, 'routing_key')
    : { ...messageOfEvent(event, id), routing_key: key };
}

/**
 * Names an event among all: two are the same if their source and their id are, by the specification. A source may have a `#` in it, so
 * one in an id is escaped: the last divides the two.
 */
export function identityOf({ attributes }: CloudEvent): string {
  const id = attributes.get('id')!.replaceAll('%', '%25').replaceAll('#', '%23');
  return `${attributes.get('source')}#${id}`;
}

function headersOf(attributes: CloudEvent['attributes']): HeaderFields {
  return Object.fromEntries([...attributes].map(([name, text]) => [HEADER_PREFIX + name, text]));
}

function bytesOf(data: Uint8Array | null): Bytes {
  return data && { $base64: base64OfBytes(data) };
}

function lacks(attribute: string, parameter: string): Failure {
  return failure('invalid_event', `the event has no attribute ${attribute}, which \`${parameter}\` names`);
}
