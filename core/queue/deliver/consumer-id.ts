/**
 * Consumer ids of streams. Each stream is a separate consumer, even if several share a name: its id is the name, `~`,
 * and a UUID.
 */

const APART = /~[0-9a-f-]{36}$/;

/** @param uuid in its usual text form */
export function streamConsumerId(name: string, uuid: string): string {
  return `${name}~${uuid}`;
}

/** Returns the name that the consumer gave itself; empty if it gave none. */
export function consumerName(consumerId: string): string {
  return consumerId.replace(APART, '');
}

/** Whether it is the id of a stream. A client that polls could imitate one; it would be taken for a stream that has ended. */
export function isOfStream(consumerId: string): boolean {
  return APART.test(consumerId);
}
