/**
 * Queue call: calls a queue with the cached definition, and once more with a fresh one if the queue knows a newer one.
 * In between, the topology tells a queue its definition if necessary.
 */

import type { QueueDefinition } from '../../core/topology/queues/queues.ts';
import { isStale, type Stale } from '../../durable-objects/rpc/stale.ts';
import type { QueueMethods } from '../../durable-objects/rpc/queue.ts';
import { queueStub, topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { diskFailureOf } from '../http/disk-failure.ts';
import { refreshQueue } from '../cache/topology-cache.ts';

type Call<Result> = (stub: DurableObjectStub<QueueMethods>, version: number) => Promise<Result | Stale>;

export async function callQueue<Result>(
  env: Env,
  queue: QueueDefinition,
  call: Call<Result>,
): Promise<Result | Failure> {
  try {
    const first = await call(queueStub(env, queue), queue.version);
    if (!isStale(first)) return first;
    const fresh = await refreshQueue(env, queue.namespace, queue.name);
    if (isFailure(fresh)) return fresh;
    await topologyStub(env, queue.namespace).propagateOne('queue', queue.name);
    const second = await call(queueStub(env, fresh.queue), fresh.queue.version);
    return isStale(second) ? unavailable(queue) : second;
  } catch (error) {
    console.error(`queue ${queue.name} failed`, error);
    return diskFailureOf(error) ?? unavailable(queue);
  }
}

function unavailable({ name }: QueueDefinition): Failure {
  return failure('queue_unavailable', `queue "${name}" did not answer; try again`);
}
