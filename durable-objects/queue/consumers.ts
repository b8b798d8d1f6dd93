/**
 * Consumers that wait for messages: hibernating WebSockets. What each waits for stays with its socket, so the object can
 * leave memory meanwhile. A poll is held by the router for its client and ends with its first message; a stream is the
 * client's own and stays.
 */

import { deliveriesOf } from '../../core/queue/deliveries-json.ts';
import { writeJson } from '../../protocol/json-text.ts';
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

  isWaiting(consumerId: string): boolean {
    return this.#waiting().some(({ attachment }) => attachment.consumerId === consumerId);
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
    let answered = 0;
    const waiting = this.#waiting();
    for (const { socket, attachment } of waiting) {
      if (!hasMessages()) break;
      const bytes = take(attachment);
      if (bytes === null) continue;
      const isStream = attachment.prefetch !== undefined;
      if (!isStream) answered += 1;
      sends.push(() => (isStream ? push(socket, attachment, bytes) : finish(socket, attachment, bytes)));
    }
    this.#atMost = waiting.length - answered;
    return sends;
  }

  /** What the stream of a socket asked for; null where it is a poll. */
  streamOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch === undefined ? null : attachment;
  }

  /** How many messages the consumer of a stream may hold from now on. What it holds already stays. */
  setPrefetch(socket: WebSocket, prefetch: number): void {
    const attachment = socket.deserializeAttachment() as Attachment;
    socket.serializeAttachment({ ...attachment, prefetch } satisfies Attachment);
  }

  /** Closes all: they ask anew, and learn what has happened. */
  dismiss(): void {
    for (const { socket, attachment } of this.#waiting()) finish(socket, attachment, null);
    this.#atMost = 0;
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
    socket.send(isBinary ? bytes : writeJson(deliveriesOf(bytes)));
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
