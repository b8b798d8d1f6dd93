/** Identities: ids that Kafka's clients expect, derived from what the broker has. The same on each start and in each gateway. */

import { createHash } from 'node:crypto';

/** The UUID of a topic. A topic that is deleted and made again has another. */
export function topicUuid(namespace: string, topicId: number): string {
  const hex = digest(`topic\0${namespace}\0${topicId}`).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A namespace is what Kafka calls a cluster. */
export function clusterId(namespace: string): string {
  return digest(`cluster\0${namespace}`).toString('base64url');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(`posthorn\0${text}`).digest().subarray(0, 16);
}
