/** Spenders: the namespace that a call is about, and whose quotas count for it. */

import type { Spender } from '../../../core/access/quotas/quotas.ts';
import { failure, type Failure } from '../../../protocol/errors.ts';
import { isName } from '../../../protocol/schemas/names.ts';
import type { AppContext } from '../../http/context.ts';
import { lookUpNamespace } from '../directory-cache.ts';

/** Returns why the call cannot be about its namespace; null if it can. A name that is none is refused by the handler. */
export async function enterNamespace(c: AppContext): Promise<Failure | null> {
  const name = c.req.param('namespace');
  if (name === undefined || !isName(name) || c.req.path.startsWith('/admin/')) return null;
  const namespace = await lookUpNamespace(c.env, name, Date.now());
  if (namespace === null || namespace.deletion)
    return failure(
      'namespace_not_found',
      `there is no namespace "${name}"; "default" is there from the start`,
    );
  const { id, quotas } = c.get('identity');
  const spenders: Spender[] = [];
  if (namespace.quotas)
    spenders.push({ key: `namespace ${name}`, what: `namespace "${name}"`, quotas: namespace.quotas });
  if (quotas) spenders.push({ key: `token ${id}`, what: `token "${id}"`, quotas });
  c.set('spenders', spenders);
  return null;
}
