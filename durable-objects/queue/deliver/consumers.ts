/**
 * Waiting consumers: hibernating WebSockets. The socket keeps what its consumer waits for, so the object can leave
 * memory meanwhile. The router holds a poll for its client, and the poll ends with its first message. A stream belongs
 * to the client and stays open.
 */

import { deliveriesOf } from '../../../core/queue/deliver/deliveries-json.ts';
import { writeJson } from '../../../protocol/json/json-text.ts';
import type { DeliverRequest } from '../../rpc/queue.ts';

export type Poll = Omit<DeliverRequest, 'version'>;

interface Attachment extends Poll {
  /** When it came. */
  sinceMs: number;
  /** Its position in the line. The lowest is served first and then goes to the end. */
  turn: number;
  /**
   * For a stream: messages whose lease ended since its consumer last sent something. They still count in the prefetch.
   * Otherwise a consumer that settles nothing would get one message after another.
   */
  endedLeases: number;
  /** It has had its answer and is only closing. */
  isAnswered: boolean;
}

/** The queue, as waiting consumers see it. */
export interface ReadyMessages {
  ready(): number;
  /** Messages that a consumer holds. */
  leasedBy(consumerId: string): number;
  /** Takes for one, `max` at most. Null: there is nothing for it. */
  take(poll: Poll, max: number): Uint8Array | null;
}

export class Consumers {
  readonly #ctx: DurableObjectState;
  /** An upper bound, so that a publish without consumers costs nothing. */
  #atMost: number;
  /** The end of the line. */
  #lastTurn = 0;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    const sockets = ctx.getWebSockets();
    this.#atMost = sockets.length;
    for (const socket of sockets) this.#lastTurn = Math.max(this.#lastTurn, attachmentOf(socket).turn);
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
    server.serializeAttachment({
      ...poll,
      sinceMs: nowMs,
      turn: ++this.#lastTurn,
      endedLeases: 0,
      isAnswered: false,
    } satisfies Attachment);
    this.#atMost += 1;
    return new Response(null, { status: 101, webSocket: client });
  }

  /**
   * Hands out ready messages in turn. Each consumer with room gets an equal number, and the rest goes to those with
   * more room. Odd messages go to the consumer that was served longest ago. Call the returned function when the
   * deliveries are stored: it sends the bytes, and gives them back if their consumer has left.
   */
  serve(queue: ReadyMessages): (() => Uint8Array | null)[] {
    if (this.#atMost === 0 || queue.ready() === 0) return [];
    const waiting = this.#waiting();
    const sends: (() => Uint8Array | null)[] = [];
    this.#atMost = waiting.length;
    let line = waiting.map((one) => ({ ...one, room: roomOf(queue, one.attachment) }));
    line = line.filter(({ room }) => room > 0);
    while (line.length > 0 && queue.ready() > 0) {
      const shares = equalShares(queue.ready(), line.length);
      const next: typeof line = [];
      for (const [index, one] of line.entries()) {
        const { socket, attachment, room } = one;
        const max = Math.min(room, shares[index]!);
        if (queue.ready() === 0) break;
        if (max === 0) {
          next.push(one); // for what those before it could not be given
          continue;
        }
        const bytes = queue.take(attachment, max);
        if (bytes === null) continue; // nothing for it, however much is ready
        const isStream = attachment.prefetch !== undefined;
        attachment.turn = ++this.#lastTurn;
        sends.push(() => {
          if (isStream) return push(socket, attachment, bytes);
          this.#atMost -= 1; // only now: until it is stored it may yet fail
          return finish(socket, attachment, bytes);
        });
        if (isStream && (one.room = roomOf(queue, attachment)) === room - max && one.room > 0) next.push(one);
      }
      line = next;
    }
    return sends;
  }

  /** What the stream of a socket asked for; null if it is a poll. */
  streamOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch === undefined ? null : attachment;
  }

  /** What the poll of a socket waits for; null if it is a stream, or has had its answer. */
  pollOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch !== undefined || attachment?.isAnswered !== false ? null : attachment;
  }

  /** Notes leases that have ended, by consumer. */
  noteEndedLeases(ended: ReadonlyMap<string, number>): void {
    if (ended.size === 0) return;
    for (const { socket, attachment } of this.#waiting()) {
      const count = ended.get(attachment.consumerId) ?? 0;
      if (count === 0 || attachment.prefetch === undefined) continue;
      const endedLeases = attachment.endedLeases + count;
      socket.serializeAttachment({ ...attachment, endedLeases } satisfies Attachment);
    }
  }

  /** Notes that the consumer of a stream sent something: it works, so messages whose lease ended no longer count. */
  noteSign(socket: WebSocket): void {
    const attachment = attachmentOf(socket);
    if (attachment.endedLeases === 0) return;
    socket.serializeAttachment({ ...attachment, endedLeases: 0 } satisfies Attachment);
  }

  /** Sets how many messages the consumer of a stream may hold. It keeps those that it holds already. */
  setPrefetch(socket: WebSocket, prefetch: number): void {
    const attachment = attachmentOf(socket);
    socket.serializeAttachment({ ...attachment, prefetch } satisfies Attachment);
  }

  /** Closes all sockets, or the matching ones. Their consumers ask again and learn what has happened. */
  dismiss(isMeant: (poll: Poll) => boolean = () => true): number {
    const meant = this.#waiting().filter(({ attachment }) => isMeant(attachment));
    for (const { socket, attachment } of meant) finish(socket, attachment, null);
    this.#atMost -= meant.length;
    return meant.length;
  }

  #waiting(): { socket: WebSocket; attachment: Attachment }[] {
    if (this.#atMost === 0) return [];
    return this.#ctx
      .getWebSockets()
      .filter((socket) => socket.readyState === WebSocket.OPEN)
      .map((socket) => ({ socket, attachment: attachmentOf(socket) }))
      .filter(({ attachment }) => !attachment.isAnswered)
      .sort((a, b) => a.attachment.turn - b.attachment.turn);
  }
}

function attachmentOf(socket: WebSocket): Attachment {
  return socket.deserializeAttachment() as Attachment;
}

/** How many messages may be handed to it now. */
function roomOf(queue: ReadyMessages, { prefetch, max, endedLeases, consumerId }: Attachment): number {
  return prefetch === undefined ? max : prefetch - endedLeases - queue.leasedBy(consumerId);
}

function equalShares(count: number, parts: number): number[] {
  const each = Math.floor(count / parts);
  return Array.from({ length: parts }, (_, index) => each + (index < count % parts ? 1 : 0));
}

function push(socket: WebSocket, attachment: Attachment, bytes: Uint8Array): null {
  try {
    socket.serializeAttachment(attachment);
    socket.send(attachment.isBinary ? bytes : writeJson(deliveriesOf(bytes)));
  } catch {
    // It has left: `webSocketClose` gives back what it held.
  }
  return null;
}

/** Gives the bytes back if the consumer has left. */
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
