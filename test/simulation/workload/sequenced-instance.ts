/** An instance of an idempotent producer, for topics and queues alike: what a client remembers of it. */

import type { Random } from '../../crash/random.ts';
import type { Client } from './client.ts';

/** @template Place partitions or queues @template Sent batches or publishes */
export interface SequencedInstance<Place, Sent> {
  id: number;
  epoch: number;
  /** The next sequence, by place. */
  next: Map<Place, number>;
  /** What was sent in earlier epochs and may or may not be stored. */
  doubtful: Sent[];
}

type Instances<Place, Sent> = WeakMap<Client, SequencedInstance<Place, Sent>>;

/** That of the client; a new one if it has none. Null if the broker gives none. */
export async function instanceOf<Place, Sent>(
  instances: Instances<Place, Sent>,
  client: Client,
): Promise<SequencedInstance<Place, Sent> | null> {
  const known = instances.get(client);
  if (known) return known;
  const { outcome, body } = await client.request('POST', '/producers', {});
  if (outcome !== 'ok') return null;
  const { id, epoch } = body as { id: number; epoch: number };
  const instance: SequencedInstance<Place, Sent> = { id, epoch, next: new Map(), doubtful: [] };
  instances.set(client, instance);
  return instance;
}

/** Goes on with the next epoch, or another producer, if not all was stored; sometimes also if it was. */
export function goOn<Place, Sent>(
  instances: Instances<Place, Sent>,
  client: Client,
  sent: readonly Sent[],
  isStored: readonly boolean[],
  random: Random,
): void {
  const instance = instances.get(client);
  const isReplaced = random() < 0.05;
  if (!instance || (isStored.every(Boolean) && !isReplaced)) return;
  if (random() < 0.1) {
    instances.delete(client);
    return;
  }
  instance.epoch += 1;
  instance.next.clear();
  instance.doubtful.push(...sent.filter((_, index) => !isStored[index]));
}
