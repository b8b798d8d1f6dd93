/** Publish: what a published message must be before it goes to the broker. */

import type { PublishedMessage } from '../broker-port.ts';
import { portError, type PortError } from '../reply-codes.ts';
import type { Content } from './content.ts';

/** Ten years, as everywhere in Posthorn. */
const EXPIRATION_MS_MAX = 315_360_000_000;

export function checkPublish({ method, header }: Content, user: string): PortError | null {
  const { expiration, userId, headers = [] } = header.properties;
  if (method.immediate) return portError('not-implemented', 'immediate=true');
  const copies = headers.find(([name]) => name === 'CC' || name === 'BCC');
  if (copies) return portError('not-implemented', `further routing keys in the header ${copies[0]}`);
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

export const publishOf = ({ method, header, body }: Content): PublishedMessage => ({
  exchange: method.exchange,
  routingKey: method.routingKey,
  mandatory: method.mandatory,
  properties: header.properties,
  rawProperties: header.rawProperties,
  body,
});
