/**
 * Waiting consumers: hibernating WebSockets. The socket keeps what its consumer waits for, so the object can leave
 * memory meanwhile. The router holds a poll for its client, and the poll ends with its first message. A stream belongs
 * to the client and stays open.
 */

import { goneAtMs } from '../../../core/queue/deliver/silence.ts';
import { deliveriesOf } from '../../../core/queue/deliver/deliveries-json.ts';
import { SILENT_CODE } from '../../../protocol/frames/close-codes.ts';
import { encodeDeliveryFrame, type DeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { writeJson } from '../../../protocol/json/json-text.ts';
import type { DeliverRequest } from '../../rpc/queue.ts';

export type Poll = Omit<DeliverRequest, 'version'>;

/** What tells their sockets from others of the queue. */
const TAG = 'consumer';

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
  /** Of a stream: when it said something last that the runtime has not answered by itself. To the second. */
  heardMs?: number;
  /** Of a stream: when it was found to be silent for too long. It has a last chance, and is given nothing meanwhile. */
  suspectMs?: number;
  /** It has had its answer, or is taken for gone, and is only closing. */
  isAnswered: boolean;
}

interface Waiting {
  socket: WebSocket;
  attachment: Attachment;
}

/** One that can be given something. */
interface Served extends Waiting {
  room: number;
}

/** What `heardMs` may lag behind: each time it is kept costs a little. */
const HEARD_LAG_MS = 1_000;

/**
 * How long a stream that was silent for too long has to say something: a broker that has been stopped itself finds all of them
 * silent, with what they have said still to be read.
 */
const LAST_CHANCE_MS = 1_000;

/** The queue, as waiting consumers see it. */
export interface ReadyMessages {
  ready(): number;
  /** Messages that a consumer holds. */
  leasedBy(consumerId: string): number;
  /** Takes for one, `max` at most. Null: there is nothing for it. */
  take(poll: Poll, max: number): DeliveryFrame | null;
}

export class Consumers {
  readonly #ctx: DurableObjectState;
  /** An upper bound, so that a publish without consumers costs nothing. */
  #atMost: number;
  /** The end of the line. */
  #lastTurn = 0;
  /** Until then nobody can have become silent. A lower bound. */
  #silenceMs = 0;
  /** Some have their last chance. */
  #hasSuspects = false;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    const sockets = ctx.getWebSockets(TAG);
    this.#atMost = sockets.length;
    for (const socket of sockets) this.#lastTurn = Math.max(this.#lastTurn, attachmentOf(socket).turn);
  }

  /** Those that wait for messages. A keeper does not. */
  count(): number {
    return this.#waiting().filter(({ attachment }) => attachment.keeps === undefined).length;
  }

  /** Whether a stream of this consumer is open. */
  isOpen(consumerId: string): boolean {
    return this.#waiting().some(({ attachment }) => attachment.consumerId === consumerId);
  }

  /** Whether a stream is open as long as which the queue is in use. */
  hasStreams(): boolean {
    return this.#waiting().some(
      ({ attachment: { prefetch, keeps } }) => prefetch !== undefined && keeps !== 'messages',
    );
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
    this.#ctx.acceptWebSocket(server, [TAG]);
    server.serializeAttachment({
      ...poll,
      sinceMs: nowMs,
      turn: ++this.#lastTurn,
      endedLeases: 0,
      isAnswered: false,
    } satisfies Attachment);
    this.#atMost += 1;
    this.#silenceMs = Math.min(this.#silenceMs, this.#goneMs(server));
    return new Response(null, { status: 101, webSocket: client });
  }

  /** False: nobody waits. */
  get mayWait(): boolean {
    return this.#atMost > 0;
  }

  /** When somebody can be taken for gone at the earliest; Infinity: nobody. */
  get silenceMs(): number {
    return this.#silenceMs;
  }

  /** Whether some were found to be silent, and will be ended or served. */
  get hasSuspects(): boolean {
    return this.#hasSuspects;
  }

  /** Streams that are taken for gone. What they hold is to be given back, and then they are to be ended. */
  silent(nowMs: number): Waiting[] {
    if (nowMs < this.#silenceMs) return [];
    const silent: Waiting[] = [];
    let nextMs = Infinity;
    this.#hasSuspects = false;
    for (const one of this.#waiting()) {
      const { socket, attachment } = one;
      let goneMs = this.#goneMs(socket, attachment);
      if (goneMs <= nowMs) {
        if (!this.#isSuspect(one)) {
          attachment.suspectMs = nowMs;
          socket.serializeAttachment(attachment);
        }
        goneMs = attachment.suspectMs! + LAST_CHANCE_MS;
        this.#hasSuspects ||= goneMs > nowMs;
      }
      if (goneMs <= nowMs) silent.push(one);
      else nextMs = Math.min(nextMs, goneMs);
    }
    if (silent.length === 0) this.#silenceMs = nextMs;
    return silent;
  }

  /** Closes streams that are gone: a dead peer never closes its own side. */
  endSilent(silent: readonly Waiting[]): void {
    for (const { socket, attachment } of silent) {
      socket.serializeAttachment({ ...attachment, isAnswered: true } satisfies Attachment);
      close(socket, SILENT_CODE, 'silent for too long');
    }
    this.#atMost -= silent.length;
  }

  /** Whether a stream has something whose end its silence would bring: messages, or a prefetch that ended leases fill. */
  holdsAnything(leasedBy: (consumerId: string) => number): boolean {
    return this.#waiting().some(
      ({ attachment: { prefetch, endedLeases, consumerId } }) =>
        prefetch !== undefined && (endedLeases > 0 || leasedBy(consumerId) > 0),
    );
  }

  /**
   * Hands out ready messages in turn, to consumers of the highest priority first. Among those of one priority each with room gets
   * an equal number, and the rest goes to those with more room. Odd messages go to the consumer that was served longest ago. Call the returned function when the
   * deliveries are stored: it sends the frame, and returns it if the consumer has left.
   */
  serve(queue: ReadyMessages): (() => DeliveryFrame | null)[] {
    if (this.#atMost === 0 || queue.ready() === 0) return [];
    const waiting = this.#waiting();
    const sends: (() => DeliveryFrame | null)[] = [];
    this.#atMost = waiting.length;
    const all = waiting
      .map((one) => ({ ...one, room: roomOf(queue, one.attachment) }))
      .filter((one) => one.room > 0 && !this.#isSuspect(one));
    for (const line of byPriority(all)) this.#serveEqually(queue, line, sends);
    return sends;
  }

  #serveEqually(queue: ReadyMessages, first: Served[], sends: (() => DeliveryFrame | null)[]): void {
    let line = first;
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
        const frame = queue.take(attachment, max);
        if (frame === null) continue; // nothing for it, however much is ready
        const isStream = attachment.prefetch !== undefined;
        attachment.turn = ++this.#lastTurn;
        sends.push(() => {
          if (isStream) return push(socket, attachment, frame);
          this.#atMost -= 1; // only now: until it is stored it may yet fail
          return finish(socket, attachment, frame);
        });
        if (isStream && (one.room = roomOf(queue, attachment)) === room - max && one.room > 0) next.push(one);
      }
      line = next;
    }
  }

  /** What the stream of a socket asked for; null if it is a poll, or a stream that was taken for gone. */
  streamOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch === undefined || attachment.isAnswered ? null : attachment;
  }

  /** What the poll of a socket waits for; null if it is a stream, or has had its answer. */
  pollOf(socket: WebSocket): Poll | null {
    const attachment = socket.deserializeAttachment() as Attachment | null;
    return attachment?.prefetch !== undefined || attachment?.isAnswered !== false ? null : attachment;
  }

  /** Notes leases that have ended, by consumer. @returns whether any was a stream's */
  noteEndedLeases(ended: ReadonlyMap<string, number>): boolean {
    if (ended.size === 0) return false;
    let isAny = false;
    for (const { socket, attachment } of this.#waiting()) {
      const count = ended.get(attachment.consumerId) ?? 0;
      if (count === 0 || attachment.prefetch === undefined) continue;
      const noted = { ...attachment, endedLeases: attachment.endedLeases + count };
      socket.serializeAttachment(noted satisfies Attachment);
      this.#silenceMs = Math.min(this.#silenceMs, this.#goneMs(socket, noted));
      isAny = true;
    }
    return isAny;
  }

  /** Notes that the consumer of a stream sent something: it works, so messages whose lease ended no longer count. */
  noteSign(socket: WebSocket, nowMs: number): void {
    const attachment = attachmentOf(socket);
    const lagMs = nowMs - (attachment.heardMs ?? attachment.sinceMs);
    if (attachment.endedLeases === 0 && lagMs < HEARD_LAG_MS) return;
    socket.serializeAttachment({ ...attachment, endedLeases: 0, heardMs: nowMs } satisfies Attachment);
  }

  /** Sets how many messages the consumer of a stream may hold. It keeps those that it holds already. A keeper takes none. */
  setPrefetch(socket: WebSocket, prefetch: number): void {
    const attachment = attachmentOf(socket);
    if (attachment.keeps !== undefined) return;
    socket.serializeAttachment({ ...attachment, prefetch } satisfies Attachment);
  }

  /** Closes all sockets, or the matching ones. Their consumers ask again and learn what has happened. */
  dismiss(isMeant: (poll: Poll) => boolean = () => true): number {
    const meant = this.#waiting().filter(({ attachment }) => isMeant(attachment));
    for (const { socket, attachment } of meant) finish(socket, attachment, null);
    this.#atMost -= meant.length;
    return meant.length;
  }

  /** When a stream is taken for gone unless it says something; Infinity for those who poll: the router looks after them. */
  #goneMs(socket: WebSocket, attachment = attachmentOf(socket)): number {
    const { prefetch, heartbeatMs, endedLeases, sinceMs, heardMs = 0 } = attachment;
    if (prefetch === undefined || (heartbeatMs === undefined && endedLeases === 0)) return Infinity;
    const pingedMs = this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    return goneAtMs({ heartbeatMs, endedLeases, lastMs: Math.max(sinceMs, heardMs, pingedMs) });
  }

  /** Whether it was found to be silent, and has said nothing since. */
  #isSuspect({ socket, attachment }: Waiting): boolean {
    const { suspectMs } = attachment;
    return suspectMs !== undefined && suspectMs >= this.#goneMs(socket, attachment);
  }

  #waiting(): Waiting[] {
    if (this.#atMost === 0) return [];
    return this.#ctx
      .getWebSockets(TAG)
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

/** The highest priority first. Those of one priority stay in their order. */
function byPriority(line: readonly Served[]): Served[][] {
  const groups = Map.groupBy(line, ({ attachment }) => attachment.priority ?? 0);
  return [...groups].sort(([a], [b]) => b - a).map(([, group]) => group);
}

function equalShares(count: number, parts: number): number[] {
  const each = Math.floor(count / parts);
  return Array.from({ length: parts }, (_, index) => each + (index < count % parts ? 1 : 0));
}

function push(socket: WebSocket, attachment: Attachment, frame: DeliveryFrame): null {
  try {
    socket.serializeAttachment(attachment);
    socket.send(attachment.isBinary ? encodeDeliveryFrame(frame) : writeJson(deliveriesOf(frame)));
  } catch {
    // It has left: `webSocketClose` gives back what it held.
  }
  return null;
}

/** Returns the frame if the consumer has left. */
function finish(
  socket: WebSocket,
  attachment: Attachment,
  frame: DeliveryFrame | null,
): DeliveryFrame | null {
  socket.serializeAttachment({ ...attachment, isAnswered: true } satisfies Attachment);
  try {
    if (frame !== null) socket.send(encodeDeliveryFrame(frame));
  } catch {
    return frame;
  }
  close(socket, 1000, frame === null ? 'ask again' : 'answered');
  return null;
}

/** The other side waits for it before its socket is closed. */
export function closeToo(socket: WebSocket): void {
  close(socket, 1000);
}

function close(socket: WebSocket, code: number, reason?: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // It was closed from the other side meanwhile.
  }
}
