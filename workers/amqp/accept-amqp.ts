/**
 * AMQP by a WebSocket: the session of the AMQP gateway, in the router. Its calls are requests that the router answers itself, each with
 * the token that the client has logged in with.
 *
 * The platform lets a call touch nothing of another call, so each connection has clients, consumers and publishers of its own.
 */

import { AmqpSession } from '../../gateway/amqp/connection/amqp-session.ts';
import { BrokerClients } from '../../gateway/amqp/connection/broker-clients.ts';
import { ExclusiveQueues } from '../../gateway/amqp/queues/exclusive-queues.ts';
import { QueueConsumers } from '../../gateway/amqp/queues/queue-consumers.ts';
import { QueueEndings } from '../../gateway/amqp/queues/queue-endings.ts';
import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { socketByFetch } from '../../sdk/client/sockets/socket.ts';
import { takeTurn } from '../bounds/turns.ts';
import { releaseBody } from '../bounds/request-bytes.ts';
import type { AppContext } from '../http/context.ts';
import { SocketDuplex } from './socket-duplex.ts';

/** The time for the login, in ms. */
const LOGIN_MS = 10_000;

/** Calls of one connection. The platform allows an invocation 10,000 subrequests, and a call makes two at most on its usual way. */
const CALLS_MAX = 4_000;

/** @param answer a request, as the router does */
export function acceptAmqp(c: AppContext, answer: (request: Request) => Promise<Response>): Response {
  const { 0: client, 1: socket } = new WebSocketPair();
  let calls = 0;
  const fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // A client that connects again has another invocation.
    if (++calls === CALLS_MAX) session.stop();
    const request = requestOf(c, url, init);
    try {
      await takeTurn(c.executionCtx);
      return await answer(request);
    } finally {
      releaseBody(request);
    }
  };
  const broker = { url: new URL(c.req.url).origin, fetch, webSocket: socketByFetch(fetch) };
  const clients = new BrokerClients(broker);
  const endings = new QueueEndings();
  // Without it the platform gives up all that is under way when the client has gone.
  const keep = (): void => c.executionCtx.waitUntil(Promise.all([clients.flush(), endings.all()]));
  const duplex = new SocketDuplex(socket, keep);
  const session = new AmqpSession(duplex, {
    broker,
    clients,
    exclusive: new ExclusiveQueues(),
    consumers: new QueueConsumers(),
    endings,
    loginMs: LOGIN_MS,
    // A larger one would be in the memory of an isolate.
    bodyBytesMax: RECORD_BYTES_MAX,
    onError: (error) => console.error('a fault of an AMQP session', error),
  });
  duplex.begin(session);
  // The client has chosen it; a browser ends a connection whose choice is ignored.
  const protocol = c.req.header('sec-websocket-protocol')?.split(',')[0]?.trim();
  const headers = protocol === undefined ? {} : { 'sec-websocket-protocol': protocol };
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** Of the opening only the address of the client counts: its cookie must not stand in for a login. */
function requestOf(c: AppContext, url: string | URL, init: RequestInit): Request {
  const headers = new Headers(init.headers as HeadersInit);
  const address = c.req.header('cf-connecting-ip');
  if (address !== undefined) headers.set('cf-connecting-ip', address);
  const { body } = init;
  if (body instanceof Uint8Array || typeof body === 'string') {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    headers.set('content-length', String(bytes.length));
  }
  return new Request(url, { ...init, headers });
}
