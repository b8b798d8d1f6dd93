/** Store target of a subscription: whether messages may be stored there, and whether there is such a queue or topic. */

import { isStoreTarget } from '../../core/topology/subscriptions.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type {
  DeclaredSource,
  StoreTarget,
  SubscriptionTarget,
} from '../../protocol/schemas/subscriptions.ts';
import type { AppContext } from '../http/context.ts';
import { refuseIn } from './authorize.ts';
import { lookUpNamespace } from './directory-cache.ts';

interface Targeted {
  readonly source: DeclaredSource;
  readonly target: SubscriptionTarget;
}

/**
 * Returns why the call may not have messages stored there; null if it may, or the target is none of these. Whoever subscribes has
 * to be allowed to write there, also in another namespace.
 * @param own the namespace of the subscription
 */
export async function refuseStoreTarget(
  c: AppContext,
  own: string,
  { target, source }: Targeted,
): Promise<Failure | null> {
  if (!isStoreTarget(target)) return null;
  const { namespace = own } = target;
  const [kind, name] = placeOf(target);
  const refused = refuseIn(c, namespace, { kind, name, action: 'write' });
  if (refused) return refused;
  const known = await lookUpNamespace(c.env, namespace, Date.now());
  if (known === null || known.deletion)
    return failure('namespace_not_found', `there is no namespace "${namespace}"`);
  const isItself =
    namespace === own && Object.entries(source).some(([key, of]) => key === kind && of === name);
  return isItself ? failure('invalid_field', 'body target: it is the source itself') : null;
}

/** Returns a failure if there is no such queue or topic in another namespace. The topology checks its own. */
export async function missingStoreTarget(
  c: AppContext,
  own: string,
  { target }: Targeted,
): Promise<Failure | null> {
  if (!isStoreTarget(target) || (target.namespace ?? own) === own) return null;
  const [kind, name] = placeOf(target);
  const { queues, topics } = await topologyStub(c.env, target.namespace!).definitions(
    kind === 'queue' ? [name] : [],
    kind === 'topic' ? [name] : [],
  );
  if (queues.length + topics.length > 0) return null;
  return failure(`${kind}_not_found`, `there is no ${kind} "${name}" to store messages in`);
}

function placeOf(target: StoreTarget): ['queue' | 'topic', string] {
  return 'queue' in target ? ['queue', target.queue] : ['topic', target.topic];
}
