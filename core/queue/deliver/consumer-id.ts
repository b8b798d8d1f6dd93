/**
 * Consumer ids of streams. Each stream is a separate consumer, even if several share a name: its id is the name, `~`,
 * and a UUID. Those who poll may not end theirs like that.
 */

import { KEPT_ID_END, STREAM_ID_END } from '../../../protocol/schemas/deliveries.ts';

/** @param uuid in its usual text form */
export function streamConsumerId(name: string, uuid: string): string {
  return `${name}~${uuid}`;
}

/** Returns the name that the consumer gave itself; empty if it gave none. */
export function consumerName(consumerId: string): string {
  return consumerId.replace(STREAM_ID_END, '');
}

/** Whether what the consumer holds ends with a stream: its own, or the keeper of one that polls. */
export function isOfStream(consumerId: string): boolean {
  return STREAM_ID_END.test(consumerId) || consumerId.endsWith(KEPT_ID_END);
}
