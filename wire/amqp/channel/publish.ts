/** Publish: what a published message must be before it goes to the broker. */

import { FURTHER_KEYS_MAX, ROUTING_KEY_BYTES_MAX } from '../../../protocol/limits.ts';
import type { PublishedMessage } from '../broker-port.ts';
import { COPIES, keysOf, type FieldTable } from '../codec/field-table.ts';
import { encodeProperties } from '../codec/frames.ts';
import { portError, type PortError } from '../reply-codes.ts';
import type { Content } from './content.ts';

/** Ten years, as everywhere in Posthorn. */
const EXPIRATION_MS_MAX = 315_360_000_000;

const BLIND_COPIES = 'BCC';

const isOfCopies = (name: string): boolean => name === COPIES || name === BLIND_COPIES;

const NONE: readonly string[] = [];

export function checkPublish({ method, header }: Content, user: string): PortError | null {
  const { expiration, userId, headers = [] } = header.properties;
  if (method.immediate) return portError('not-implemented', 'immediate=true');
  const unusable = furtherKeysProblem(headers);
  if (unusable !== null) return portError('precondition-failed', unusable);
  if (userId !== undefined && userId !== user) {
    const reason = `user_id property set to '${userId}' but authenticated user was '${user}'`;
    return portError('precondition-failed', reason);
  }
  if (
    expiration !== undefined &&
    !(/^\d{1,15}$/.test(expiration) && Number(expiration) <= EXPIRATION_MS_MAX)
  ) {
    return portError('precondition-failed', `invalid expiration '${expiration}'`);
  }
  return null;
}

export function publishOf({ method, header, body }: Content): PublishedMessage {
  const { exchange, routingKey, mandatory } = method;
  const { properties: sent, rawProperties: sentRaw } = header;
  const furtherKeys = furtherKeysOf(sent.headers ?? []);
  // Only those who send it know of blind copies.
  const isBlind = sent.headers?.some(([name]) => name === BLIND_COPIES) ?? false;
  const properties = isBlind
    ? { ...sent, headers: sent.headers!.filter(([name]) => name !== BLIND_COPIES) }
    : sent;
  const rawProperties = isBlind ? encodeProperties(properties) : sentRaw;
  return { exchange, routingKey, furtherKeys, mandatory, properties, rawProperties, body };
}

function furtherKeysProblem(headers: FieldTable): string | null {
  for (const [name, field] of headers) {
    if (isOfCopies(name) && field.type !== 'A') return `the header ${name} is no list of routing keys`;
  }
  const keys = furtherKeysOf(headers);
  if (keys.length > FURTHER_KEYS_MAX) return `more than ${FURTHER_KEYS_MAX} routing keys in headers`;
  const isLong = keys.some((key) => new TextEncoder().encode(key).length > ROUTING_KEY_BYTES_MAX);
  return isLong ? `a routing key of more than ${ROUTING_KEY_BYTES_MAX} bytes in a header` : null;
}

function furtherKeysOf(headers: FieldTable): readonly string[] {
  if (!headers.some(([name]) => isOfCopies(name))) return NONE;
  return headers.flatMap(([name, field]) => (isOfCopies(name) ? keysOf(field) : []));
}
