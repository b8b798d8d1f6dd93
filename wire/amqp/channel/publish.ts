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

const isOfCopies = ([name]: FieldTable[number]): boolean => name === COPIES || name === BLIND_COPIES;

const COPIES_RULE = `CC and BCC are lists of at most ${FURTHER_KEYS_MAX} keys of ${ROUTING_KEY_BYTES_MAX} bytes`;

const NONE: readonly string[] = [];

const encoder = new TextEncoder();

export function checkPublish({ method, header }: Content, user: string): PortError | null {
  const { expiration, userId, headers = [] } = header.properties;
  if (method.immediate) return portError('not-implemented', 'immediate=true');
  const unusable = copiesProblem(headers);
  if (unusable !== null) return unusable;
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
  const { properties: sent, rawProperties } = header;
  const message = {
    exchange,
    routingKey,
    furtherKeys: NONE,
    mandatory,
    properties: sent,
    rawProperties,
    body,
  };
  const { headers = [] } = sent;
  if (!headers.some(isOfCopies)) return message;
  // Only those who send it know of blind copies.
  const properties = { ...sent, headers: headers.filter(([name]) => name !== BLIND_COPIES) };
  const furtherKeys = furtherKeysOf(headers);
  return { ...message, furtherKeys, properties, rawProperties: encodeProperties(properties) };
}

function copiesProblem(headers: FieldTable): PortError | null {
  const copies = headers.filter(isOfCopies);
  const keys = furtherKeysOf(copies);
  const isWrong =
    copies.some(([, { type }]) => type !== 'A') ||
    keys.length > FURTHER_KEYS_MAX ||
    keys.some((key) => encoder.encode(key).length > ROUTING_KEY_BYTES_MAX);
  return isWrong ? portError('precondition-failed', COPIES_RULE) : null;
}

const furtherKeysOf = (headers: FieldTable): string[] =>
  headers.filter(isOfCopies).flatMap(([, field]) => keysOf(field));
