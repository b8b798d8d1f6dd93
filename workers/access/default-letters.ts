/**
 * Default dead letters: whether a subscription or a share group may send them to `<name>.dlq`. It may make that queue. If the queue is
 * there already and belongs to something else, whoever declares has to be allowed to write to it.
 */

import { needsOf } from '../../core/access/reach.ts';
import type { LetterOwner } from '../../durable-objects/rpc/topology.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Need } from '../../protocol/access/scopes.ts';
import type { Failure } from '../../protocol/errors.ts';
import { defaultDeadLetterQueue } from '../../protocol/names/name-rule.ts';
import type { AppContext } from '../http/context.ts';
import { mayReach, refuseReach } from './authorize.ts';

/** @param names of those that leave their dead letters to the broker */
export async function refuseDefaultLetters(
  c: AppContext,
  namespace: string,
  kind: LetterOwner,
  names: readonly string[],
): Promise<Failure | null> {
  const needs = (name: string): Need[] => needsOf('queue', [defaultDeadLetterQueue(name)], 'write');
  const asked = names.filter((name) => !mayReach(c, needs(name)));
  if (asked.length === 0) return null;
  const [other] = await topologyStub(c.env, namespace).lettersOfOthers(kind, asked);
  return other === undefined ? null : refuseReach(c, needs(other));
}
