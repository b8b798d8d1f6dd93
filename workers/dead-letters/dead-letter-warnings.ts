/**
 * Dead-letter warnings: a declaration names a dead-letter target that does not exist. This is allowed, because
 * applications declare in any order. The reply warns at once, because otherwise nobody would notice before the first
 * dead letter waits.
 */

import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Env } from '../../durable-objects/env.ts';
import { DEFAULT_EXCHANGE_PATH } from '../../protocol/schemas/exchanges.ts';
import type { DeadLetterConfig } from '../../protocol/schemas/queues.ts';
import type { ShareDeadLetter } from '../../protocol/schemas/share-groups.ts';

type Target = DeadLetterConfig | ShareDeadLetter | null | undefined;

/** As a reply carries them: nothing if there is nothing to warn of. */
export async function warningsOf(
  env: Env,
  namespace: string,
  target: Target,
): Promise<{ warnings?: string[] }> {
  const missing = await missingPlace(env, namespace, target);
  if (missing === null) return {};
  return { warnings: [`dead_letter: there is no ${missing}; dead letters wait until it is declared`] };
}

/** Where dead letters go, in words; null if it is the queue of their own. */
export function placeOf(target: Target): string | null {
  if (target === null || target === undefined) return null;
  if (target === 'none') return 'nowhere: the queue drops them (`dead_letter` is "none")';
  if ('queue' in target) return `queue "${target.queue}"`;
  return 'topic' in target ? `topic "${target.topic}"` : `exchange "${target.exchange}"`;
}

async function missingPlace(env: Env, namespace: string, target: Target): Promise<string | null> {
  if (target === null || target === undefined || target === 'none') return null;
  const topology = topologyStub(env, namespace);
  if ('queue' in target) return (await topology.queue(target.queue)).queue ? null : placeOf(target);
  if ('topic' in target) return (await topology.topic(target.topic)).topic ? null : placeOf(target);
  const exchange = target.exchange === DEFAULT_EXCHANGE_PATH ? '' : target.exchange;
  return (await topology.exchange(exchange)).exchange ? null : placeOf(target);
}
