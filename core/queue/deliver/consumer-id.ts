/**
 * Consumer ids of streams. Each stream is a separate consumer, even if several share a name: its id is the name, `~`,
 * and a UUID. Those who poll may not end theirs like that.
 */

import { STREAM_ID_END } from '../../../protocol/schemas/deliveries.ts';

/** @param uuid in its usual text form */
export function streamConsumerId(name: string, uuid: string): string {
  return `${name}~${uuid}`;
}

/** Returns the name that the consumer gave itself; empty if it gave none. */
export function consumerName(consumerId: string): string {
  return consumerId.replace(STREAM_ID_END, '');
}

/** Whether it is the id of a stream. */
export function isOfStream(consumerId: string): boolean {
  return STREAM_ID_END.test(consumerId);
}
