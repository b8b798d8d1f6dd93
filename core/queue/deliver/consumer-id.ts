/** Each stream is a consumer of its own, whatever name several share: its id is the name, `~`, and what tells it apart. */

const APART = /~[0-9a-f-]{36}$/;

/** @param uuid in its usual text */
export function streamConsumerId(name: string, uuid: string): string {
  return `${name}~${uuid}`;
}

/** What the consumer called itself; empty where it did not. */
export function consumerName(consumerId: string): string {
  return consumerId.replace(APART, '');
}
