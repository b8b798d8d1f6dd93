/**
 * Hand-over: stores batches in a queue or a partition, at least once. If the target knows a newer definition than the
 * sender, the topology tells it the current one, and the call is made once more. It never reaches another queue or topic
 * of the same name.
 */

import type { DestinationAddress } from '../../core/topology/routing/destination-addresses.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { Env } from '../env.ts';
import type { Published, PublishOptions } from '../rpc/queue.ts';
import { isStale, type Stale } from '../rpc/stale.ts';
import { partitionStub, queueStub, topologyStub } from '../stubs.ts';

/**
 * @param source the numbers by which a queue stores each message once; null: it may store them twice. A partition recognises only
 *   sequences in batches
 * @returns null if all is stored; a failure as of `gone` if the target was deleted. Never rejects.
 */
export async function handOver(
  env: Env,
  target: DestinationAddress,
  batches: Uint8Array,
  source: NonNullable<PublishOptions['source']> | null,
): Promise<Failure | null> {
  const { kind, place } = target;
  const store = async (version: number): Promise<Published | object | Failure | Stale> =>
    kind === 'queue'
      ? await queueStub(env, place).publish(version, batches, source ? { source } : {})
      : await partitionStub(env, place, target.partition).append(version, batches, { isHandedOn: true });
  const isUnavailable = (why: string): Failure =>
    failure(
      kind === 'queue' ? 'queue_unavailable' : 'partition_unavailable',
      `${kind} "${place.name}" ${why}`,
    );
  try {
    let stored = await store(target.version);
    if (isStale(stored)) {
      const version = await currentVersion(env, target);
      if (version === null) return gone(kind, place.name);
      stored = await store(version);
    }
    if (isStale(stored)) return isUnavailable('is being changed');
    if (isFailure(stored)) return stored;
    const isFull = 'exceptions' in stored && stored.exceptions.some(({ outcome }) => outcome === 'rejected');
    return isFull ? failure('queue_full', `queue "${place.name}" is full and refuses messages`) : null;
  } catch (error) {
    return isUnavailable(`did not answer: ${String(error)}`);
  }
}

export function gone(kind: DestinationAddress['kind'], name: string): Failure {
  return failure(`${kind}_not_found`, `there is no ${kind} "${name}"`);
}

/** True if the target was deleted: what was meant for it has nowhere to go. */
export function isGone(failed: Failure | null): boolean {
  return failed?.code === 'queue_not_found' || failed?.code === 'topic_not_found';
}

/** Returns the version of the target's definition after the target was told of it; null if the target was deleted. */
async function currentVersion(env: Env, { kind, place }: DestinationAddress): Promise<number | null> {
  const { namespace, name, id } = place;
  const topology = topologyStub(env, namespace);
  const known = kind === 'queue' ? (await topology.queue(name)).queue : (await topology.topic(name)).topic;
  if (known?.id !== id) return null;
  await topology.propagateOne(kind, name);
  return known.version;
}
