/** Inner requests: a call that becomes another call of the same broker, and is answered as if a client had made that one. */

import type { Identity } from '../../core/access/identity.ts';
import { JSON_TYPE } from '../../protocol/media-types.ts';
import type { AppContext } from './context.ts';

/** Whose calls they are. A client cannot make the object that stands for an inner request. */
const identities = new WeakMap<Request, Identity>();

/**
 * Returns a `POST` to a path of the namespace that the call is about.
 * @param headers what it has besides its content type
 * @param identity who makes it; null: whoever its headers say
 */
export function innerRequest(
  c: AppContext,
  path: string,
  json: string,
  headers: Iterable<readonly [string, string]>,
  identity: Identity | null,
): Request {
  const bytes = new TextEncoder().encode(json);
  const all = new Headers([...headers].map(([name, value]) => [name, value]));
  all.set('content-type', JSON_TYPE);
  all.set('content-length', String(bytes.length));
  const url = `${new URL(c.req.url).origin}/v1/${c.req.param('namespace')}${path}`;
  const request = new Request(url, { method: 'POST', headers: all, body: bytes });
  if (identity !== null) identities.set(request, identity);
  return request;
}

/** Returns who makes an inner request; undefined for the request of a client. */
export function innerIdentity(request: Request): Identity | undefined {
  return identities.get(request);
}
