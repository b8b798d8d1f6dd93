/**
 * Consumers that wait for messages: hibernating WebSockets. What each waits for stays with its socket, so the object can
 * leave memory meanwhile. A poll is held by the router for its client and ends with its first message; a stream is the
 * client's own and stays.
 */

import { deliveriesOf } from '../../core/queue/deliveries-json.ts';

import type { DeliverRequest } from './queue-calls.ts';

export type Poll = Omit<DeliverRequest, 'version'>;

interface Attachment extends Poll {
  /** For serving those first who came first. */
  sinceMs: number;
  /** It has had its answer and is only closing. */
  isAnswered: boolean;
}

export class Consumers {
  readonly #ctx: DurableObjectState;
  /** An upper bound, so that a publish without consumers costs nothing. */
  #atMost: number;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    this.#atMost = ctx.getWebSockets().length;
  }

  count(): number {
    return this.#waiting().length;
  }

  /** Whether the consumer waits and can be given something: a stream with a prefetch of 0 takes no more. */
  isWaiting(consumerId: string): boolean {
    return this.#waiting().some(
      ({ attachment }) => attachment.consumerId === consumerId && attachment.prefetch !== 0,
    );
  }

  /** Whether a consumer other than this one waits. */
  othersWait(consumerId: string): boolean {
    return this.#waiting().some(
      ({ attachment }) => attachment.consumerId !== consumerId && attachment.prefetch !== 0,
    );
  }

  /** The response that makes the caller wait: the first message of its socket is the answer. */
  accept(poll: Poll, nowMs: number): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ ...poll, sinceMs: nowMs, isAnswered: false } satisfies Attachment);
    this.#atMost += 1;
    return new Response(null, { status: 101, webSocket: client });
  }

  /**
   * Serves those who wait, in the order they came. `take` gives the bytes for one, or null where there is nothing for it.
   * What is returned is to be called when that is stored: it sends, and gives the bytes back where they cannot be sent to
   * somebody who will never come for them.
   */
  serve(hasMessages: () => boolean, take: (poll: Poll) => Uint8Array | null): (() => Uint8Array | null)[] {
    if (this.#atMost === 0 || !hasMessages()) return [];
    const sends: (() => Uint8Array | null)[] = [];
    const waiting = this.#waiting();
    this.#atMost = waiting.length;
    for (const { socket, attachment } of waiting) {
      if (!hasMessages()) break;
      const bytes = take(attachment);
      if (bytes === null) continue;
      sends.push(() => {
        if (attachment.prefetch !== undefined) return push(socket, attachment, bytes);
        this.#atMost -= 1; // only now: until it is stored it may yet fail
        return finish(socket, attachment, bytes);
      });
    }
    return sends;
  }

  /** What the stream of a socket asked for; null where it is a poll. */
  streamOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch === undefined ? null : attachment;
  }

  /** What the poll of a socket waits for; null where it is a stream, or has had its answer. */
  pollOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch !== undefined || attachment?.isAnswered !== false ? null : attachment;
  }

  /** How many messages the consumer of a stream may hold from now on. What it holds already stays. */
  setPrefetch(socket: WebSocket, prefetch: number): void {
    const attachment = socket.deserializeAttachment() as Attachment;
    socket.serializeAttachment({ ...attachment, prefetch } satisfies Attachment);
  }

  /** Closes all, or those that are meant: they ask anew, and learn what has happened. */
  dismiss(isMeant: (poll: Poll) => boolean = () => true): void {
    const meant = this.#waiting().filter(({ attachment }) => isMeant(attachment));
    for (const { socket, attachment } of meant) finish(socket, attachment, null);
    this.#atMost -= meant.length;
  }

  #waiting(): { socket: WebSocket; attachment: Attachment }[] {
    if (this.#atMost === 0) return [];
    return this.#ctx
      .getWebSockets()
      .filter((socket) => socket.readyState === WebSocket.OPEN)
      .map((socket) => ({ socket, attachment: socket.deserializeAttachment() as Attachment }))
      .filter(({ attachment }) => !attachment.isAnswered)
      .sort((a, b) => a.attachment.sinceMs - b.attachment.sinceMs);
  }
}

function push(socket: WebSocket, { isBinary }: Attachment, bytes: Uint8Array): null {
  try {
    socket.send(isBinary ? bytes : JSON.stringify(deliveriesOf(bytes)));
  } catch {
    // It has left: `webSocketClose` gives back what it held.
  }
  return null;
}

/** Gives the bytes back where the consumer has left. */
function finish(socket: WebSocket, attachment: Attachment, bytes: Uint8Array | null): Uint8Array | null {
  socket.serializeAttachment({ ...attachment, isAnswered: true } satisfies Attachment);
  try {
    if (bytes !== null) socket.send(bytes);
  } catch {
    return bytes;
  }
  try {
    socket.close(1000, bytes === null ? 'ask again' : 'answered');
  } catch {
    // It was closed from the other side meanwhile, with its answer on the way.
  }
  return null;
}

/** The other side waits for it before its socket is closed. */
export function closeToo(socket: WebSocket): void {
  try {
    socket.close(1000);
  } catch {
    // It is closed.
  }
}
