/**
 * Watched stream: a WebSocket between a client and an object that goes through the router, which ends it when the
 * client's token was revoked or has expired, and keeps to the quotas of streams. Where no token can be revoked and no quota
 * counts, the client talks to the object itself.
 */

import type { RateKind } from '../../core/access/quotas/quotas.ts';
import { UNAUTHENTICATED_CODE } from '../../protocol/frames/close-codes.ts';
import type { AppContext } from '../http/context.ts';
import { countsConnections } from './quotas/connections.ts';
import { PacedDeliveries, pacedRequest, type StreamData } from './quotas/paced-deliveries.ts';
import { lowestRate } from './quotas/rates.ts';
import { isRevocable } from './revocable.ts';
import { watchIdentity } from './watched-identity.ts';

/** Codes that say that no close frame came: nobody may send them. */
const UNSENT_CODES = new Set([1005, 1006, 1015]);

/**
 * Returns whether the router has to see what goes by a socket: its credential may end, or a quota counts.
 * @param kind of the rate that its messages count for
 */
export function isWatched(c: AppContext, kind: RateKind): boolean {
  const hasQuota = countsConnections(c.get('spenders') ?? []) || lowestRate(c, kind) !== null;
  return hasQuota || isRevocable(c.get('identity'));
}

/**
 * Returns the response of a stream that the object behind has accepted.
 * @param leaseMs of its deliveries
 * @param countOff called when the stream ends
 */
export function watchedStream(
  c: AppContext,
  response: Response,
  leaseMs: number,
  countOff: () => void,
): Response {
  const behind = response.webSocket;
  if (!behind || !isWatched(c, 'deliver')) {
    countOff(); // nobody sees the end of such a stream, and it counts for no quota
    return response;
  }
  const { 0: client, 1: front } = new WebSocketPair();
  const end = (code: number, reason: string): void => {
    endWatch();
    countOff();
    paced.end();
    // One that has received a close frame is not open any more, and answers with one of its own.
    for (const socket of [front, behind])
      if (socket.readyState !== WebSocket.CLOSED) socket.close(code, reason);
  };
  const sendTo = (to: WebSocket, data: StreamData): void => {
    if (to.readyState === WebSocket.OPEN) to.send(data);
  };
  const paced = new PacedDeliveries(c, (data) => sendTo(front, data));
  const endWatch = watchIdentity(c, (reason) => end(UNAUTHENTICATED_CODE, reason.slice(0, 100)));
  for (const [from, to] of [
    [behind, front],
    [front, behind],
  ] as const) {
    from.binaryType = 'arraybuffer';
    from.accept();
    from.addEventListener('message', ({ data }) => {
      if (from === behind) paced.offer(data as StreamData);
      else sendTo(to, pacedRequest(c, data as StreamData, leaseMs));
    });
    from.addEventListener('close', ({ code, reason }) => end(UNSENT_CODES.has(code) ? 1000 : code, reason));
    from.addEventListener('error', () => end(1011, 'the other side has gone'));
  }
  return new Response(null, { status: 101, webSocket: client, headers: response.headers });
}
