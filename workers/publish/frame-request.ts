/**
 * Frame request: a frame of a request socket in the form in which handlers read requests and write replies. The objects of the
 * platform for both cost more processor time than the handler of a small publish, so a frame has only what such handlers use.
 */

import type { MiddlewareHandler } from 'hono';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import type { AppEnv } from '../http/context.ts';

/**
 * @param headers those of all frames of the socket, by names in lower case
 * @param topologyVersion the one of this frame; 0: none
 */
export function frameRequest(
  url: string,
  headers: ReadonlyMap<string, string>,
  topologyVersion: number,
  bytes: Uint8Array,
): Request {
  const request: Pick<Request, 'method' | 'url' | 'body' | 'arrayBuffer' | 'signal'> & {
    headers: Pick<Headers, 'get'>;
  } = {
    method: 'POST',
    url,
    headers: {
      get: (name) => {
        if (name === 'content-length') return String(bytes.length);
        if (name === TOPOLOGY_VERSION_HEADER && topologyVersion > 0) return String(topologyVersion);
        return headers.get(name) ?? null;
      },
    },
    body: null, // a body that is refused unread is here already
    // A copy, so that what else was in the frame is not sent to objects.
    arrayBuffer: async () => bytes.slice().buffer as ArrayBuffer,
    // Never aborted: the socket sees that its client has gone.
    get signal() {
      return new AbortController().signal;
    },
  };
  return request as Request;
}

/** Lets the handlers behind it reply with as little as a socket sends on. */
export const replyToFrames: MiddlewareHandler<AppEnv> = async (c, next) => {
  const reply = (json: object, status = 200): Pick<Response, 'status' | 'text'> & { headers: object } => ({
    status,
    headers: NO_HEADERS,
    text: async () => JSON.stringify(json),
  });
  c.json = reply as unknown as typeof c.json;
  await next();
};

const NO_HEADERS = new Map<string, string>();
