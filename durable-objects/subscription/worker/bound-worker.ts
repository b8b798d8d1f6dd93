/**
 * Bound Workers: service bindings of the broker to which subscriptions may push, by name. Only bindings that begin with SUBSCRIBER_
 * count, so that no subscription reaches what else the broker is bound to.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import type { PushBatch } from '../../../protocol/push-batch.ts';

export interface BoundWorker {
  posthorn(batch: PushBatch): Promise<unknown> & Partial<Disposable>;
}

/** Returns the name of the binding of a Worker: `image-pipeline` is SUBSCRIBER_IMAGE_PIPELINE. */
export function bindingOf(worker: string): string {
  return `SUBSCRIBER_${worker.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * @param env of the broker
 * @returns null if there is no such binding. A bound Worker seems to have every property, as all that is called by RPC
 */
export function boundWorker(env: object, worker: string): BoundWorker | null {
  const bound = (env as Record<string, unknown>)[bindingOf(worker)];
  return typeof bound === 'object' ? (bound as BoundWorker | null) : null;
}

/** Says how to bind a Worker. */
export function unbound(worker: string): Failure {
  const binding = bindingOf(worker);
  return failure(
    'worker_unbound',
    `the broker has no service binding ${binding}; add one to its wrangler.toml, with the name of the Worker as its service, and deploy: [[services]] binding = "${binding}", service = "..."`,
    { binding },
  );
}
