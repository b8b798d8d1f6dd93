/** Entry of a hook: finds the hook that a request without a credential is for. */

import type { Failure } from '../../../protocol/errors.ts';
import { isName } from '../../../protocol/schemas/names.ts';
import { countUnknown, refuseQuestion } from '../unknown-tokens.ts';
import { enterNamespace } from '../quotas/spenders.ts';
import type { AppContext } from '../../http/context.ts';
import { isHookKnown, lookUpHook, noHook } from './known-hooks.ts';

/**
 * Returns why there is nothing to call; null if there is a hook, which the context has then. Made-up names cost questions, so they are
 * limited as made-up tokens are. Nobody learns which namespaces there are.
 */
export async function enterHook(c: AppContext): Promise<Failure | null> {
  const [namespace, name] = [c.req.param('namespace') ?? '', c.req.param('hook') ?? ''];
  const missing = noHook();
  if (!isName(namespace) || !isName(name)) return missing;
  const address = c.req.header('cf-connecting-ip') ?? '';
  const isAsking = !isHookKnown(namespace, name);
  if (isAsking) {
    const refused = refuseQuestion('hooks', address, Date.now());
    if (refused) return refused;
  }
  const refused = await enterNamespace(c);
  const hook = refused ? null : await lookUpHook(c.env, namespace, name);
  if (hook === null) {
    if (isAsking) countUnknown(address, Date.now());
    return refused === null || refused.code === 'namespace_not_found' ? missing : refused;
  }
  c.set('hook', hook);
  return null;
}
