/**
 * Request socket: a WebSocket whose frames are requests of one path. The router holds it and answers each frame as it answers
 * the request over HTTP: with the same checks of credential, rights, quotas and size, and after what came before it. What
 * it saves is a request of the platform for each frame. An idle one costs nothing and keeps no object in memory.
 */

import type { Hono } from 'hono';
import { ACCESS_TOKEN_PARAMETER } from '../../protocol/access/token-format.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { TOO_MUCH_CODE, UNAUTHENTICATED_CODE, UNAVAILABLE_CODE } from '../../protocol/frames/close-codes.ts';
import {
  decodeRequestFrame,
  problemReply,
  requestReply,
  textRefused,
  type RequestFrame,
} from '../../protocol/frames/request-frame.ts';
import {
  REQUEST_SOCKET_BYTES_MAX,
  REQUEST_SOCKET_FRAMES_MAX,
  REQUEST_SOCKET_WAITING_MAX,
} from '../../protocol/limits.ts';
import { RECORD_BATCH_TYPE } from '../../protocol/headers/media-types.ts';
import { takeConnection } from '../access/quotas/connections.ts';
import { releaseBody, UNCOUNTED_BYTES_MAX, growBody, noRoom, shrinkBody } from '../bounds/request-bytes.ts';
import { takeTurn } from '../bounds/turns.ts';
import type { AppContext, AppEnv } from '../http/context.ts';
import { frameRequest } from './frame-request.ts';

/** What belongs to the opening, not to the requests. Their messages carry the contexts of their traces themselves. */
const HEADERS_OF_OPENING = /^(?:upgrade|content-.*|posthorn-topology-version|traceparent|tracestate)$/;

/** What waits for its turn. */
interface Waiting {
  frame: RequestFrame | Failure;
  bytes: number;
  /** How many of them count in the room of request bodies. */
  countedBytes: number;
}

/**
 * Accepts a socket for requests, if the quotas of streams allow it.
 * @param app answers them
 * @param path of the requests, which are POSTs
 */
export function requestSocket(
  c: AppContext,
  app: Pick<Hono<AppEnv>, 'fetch'>,
  path: string,
): Response | Failure {
  // Its client can send requests instead, so it leaves its place to a stream of deliveries.
  let isInTheWay = false;
  const countOff = takeConnection(c.get('spenders') ?? [], () => (isInTheWay = true));
  if (isFailure(countOff)) return countOff;
  const { 0: client, 1: socket } = new WebSocketPair();
  const url = new URL(path, c.req.url).href;
  const headers = headersOf(c);
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let frames = 0;
  let isBusy = false;

  const send = (text: string): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(text);
  };

  const end = (code: number, reason: string): void => {
    for (const { countedBytes } of waiting.splice(0)) shrinkBody(c.req.raw, countedBytes);
    if (socket.readyState !== WebSocket.CLOSED) socket.close(code, reason);
    countOff();
  };

  const take = (data: ArrayBuffer | string): void => {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (typeof data === 'string') return data === 'ping' ? send('pong') : send(problemReply(textRefused()));
    // Another call cannot close it: the platform lets a call touch only what is its own.
    if (isInTheWay) return end(TOO_MUCH_CODE, 'a stream needs its place; send requests');
    if (++frames > REQUEST_SOCKET_FRAMES_MAX) return end(TOO_MUCH_CODE, 'open another socket');
    if (waiting.length >= REQUEST_SOCKET_WAITING_MAX || waitingBytes > REQUEST_SOCKET_BYTES_MAX)
      return end(TOO_MUCH_CODE, 'too much waits for an answer');
    let frame = decodeRequestFrame(new Uint8Array(data));
    let countedBytes = data.byteLength > UNCOUNTED_BYTES_MAX ? data.byteLength : 0;
    if (!growBody(c.req.raw, countedBytes)) {
      frame = refusedFor(frame, noRoom());
      countedBytes = 0;
    }
    waiting.push({ frame, bytes: data.byteLength, countedBytes });
    waitingBytes += data.byteLength;
    if (!isBusy) void answerAll();
  };

  const answerAll = async (): Promise<void> => {
    isBusy = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { frame, bytes, countedBytes } = next;
      // From here on the request counts for itself.
      shrinkBody(c.req.raw, countedBytes);
      waitingBytes -= bytes;
      if (isFailure(frame)) {
        send(problemReply(frame));
        continue;
      }
      const { status, text } = await answer(c, app, requestOf(url, headers, frame), frame.id);
      send(text);
      if (status === 401) end(UNAUTHENTICATED_CODE, 'the credential is not good any more');
      // Perhaps this invocation may make no more calls. Another one may.
      if (status >= 500) end(UNAVAILABLE_CODE, 'open another socket');
    }
    isBusy = false;
  };

  socket.binaryType = 'arraybuffer';
  socket.accept();
  socket.addEventListener('message', ({ data }) => take(data as ArrayBuffer | string));
  socket.addEventListener('close', () => end(1000, 'closed'));
  socket.addEventListener('error', () => end(1011, 'the other side has gone'));
  return new Response(null, { status: 101, webSocket: client });
}

/** The headers of the requests are those of the opening, with a credential of the address among them. */
function headersOf(c: AppContext): ReadonlyMap<string, string> {
  const headers = new Map([...c.req.raw.headers].filter(([name]) => !HEADERS_OF_OPENING.test(name)));
  headers.set('content-type', RECORD_BATCH_TYPE);
  const token = c.req.query(ACCESS_TOKEN_PARAMETER);
  if (token !== undefined && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
  return headers;
}

function requestOf(
  url: string,
  common: ReadonlyMap<string, string>,
  { query, topologyVersion, batches }: RequestFrame,
): Request {
  return frameRequest(query === '' ? url : `${url}?${query}`, common, topologyVersion, batches);
}

async function answer(
  c: AppContext,
  app: Pick<Hono<AppEnv>, 'fetch'>,
  request: Request,
  id: number,
): Promise<{ status: number; text: string }> {
  try {
    await takeTurn(c.executionCtx);
    const response = await app.fetch(request, c.env, c.executionCtx);
    const pause = response.headers.get('retry-after');
    const text = requestReply(id, await response.text(), pause ? Number(pause) : null);
    return { status: response.status, text };
  } finally {
    releaseBody(request);
  }
}

function refusedFor(frame: RequestFrame | Failure, cause: Failure): Failure {
  const id = isFailure(frame) ? frame.details?.['id'] : frame.id;
  return { ...cause, details: { ...cause.details, ...(id !== undefined && { id }) } };
}
