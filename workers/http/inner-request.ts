/** Inner requests: a call that becomes another call of the same broker, and is answered as if a client had made that one. */

import type { Identity } from '../../core/access/identity.ts';
import { JSON_TYPE } from '../../protocol/headers/media-types.ts';
import type { AppContext } from './context.ts';

/** Whose calls they are. A client cannot make the object that stands for an inner request. */
const identities = new WeakMap<Request, Identity>();

/** What belongs to the request that came, and not to the one that is made of it. */
const NOT_PASSED_ON = /^(?:content-.*|transfer-encoding|ce-.*|expect)$/;

export interface InnerCall {
  readonly method?: 'POST' | 'PUT';
  /** In the namespace that the call is about. */
  readonly path: string;
  readonly json: string | Uint8Array;
  /** What it has besides its content type. */
  readonly headers: Iterable<readonly [string, string]>;
  /** Who makes it; null: whoever its headers say. */
  readonly identity: Identity | null;
}

export function innerRequest(
  c: AppContext,
  { method = 'POST', path, json, headers, identity }: InnerCall,
): Request {
  const bytes = typeof json === 'string' ? new TextEncoder().encode(json) : json;
  const all = new Headers([...headers].map(([name, value]) => [name, value]));
  all.set('content-type', JSON_TYPE);
  all.set('content-length', String(bytes.length));
  const url = `${new URL(c.req.url).origin}/v1/${c.req.param('namespace')}${path}`;
  const request = new Request(url, { method, headers: all, body: bytes as Uint8Array<ArrayBuffer> });
  if (identity !== null) identities.set(request, identity);
  return request;
}

/** Returns the headers of a call that count for an inner request of the same caller: its credential, its trace, and the like. */
export function passedHeaders(c: AppContext): (readonly [string, string])[] {
  return [...c.req.raw.headers].filter(([name]) => !NOT_PASSED_ON.test(name));
}

/** Returns who makes an inner request; undefined for the request of a client. */
export function innerIdentity(request: Request): Identity | undefined {
  return identities.get(request);
}
