/**
 * Waiters: readers that wait for the next record. Each is a hibernating WebSocket that the router holds for its client:
 * the object can leave memory while they wait, and what each waits for stays with its socket.
 */

import type { ReadIsolation } from '../../core/log/aborted.ts';

export interface Wait {
  /** The offset that the reader needs. */
  offset: number;
  bytesMax: number;
  recordsMax: number;
  isolation: ReadIsolation;
  /** It is answered also when it can go on past aborted records. */
  waitsForProgress?: boolean;
  /** It is answered also when the log ends behind it. */
  seenHighWatermark?: number | undefined;
  /** Waits for the open transaction that has committed offsets of this group, and not for records. */
  pendingOf?: string;
}

interface Attachment extends Wait {
  /** It has had its answer and is only closing. */
  answered: boolean;
}

export class Waiters {
  readonly #ctx: DurableObjectState;
  /** Kept so that an append without waiters costs nothing. An upper bound: those who left are found when answering. */
  #atMost: number;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    this.#atMost = ctx.getWebSockets().length;
  }

  /** Those who wait now. */
  count(): number {
    return this.#ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN).length;
  }

  /** The response that makes the caller wait. Its headers say from where, so that the caller can ask for the same again. */
  accept(wait: Wait, headers: Record<string, string>): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server);
    server.serializeAttachment({ ...wait, answered: false } satisfies Attachment);
    this.#atMost += 1;
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  /**
   * Answers those for whom `answer` has something, and closes their sockets. Readers that wait for the same get the
   * same bytes, made once. Null if the reader has to wait longer. 'gone': it is closed without an answer and will ask
   * anew.
   */
  answer(answer: (wait: Wait) => Uint8Array | null | 'gone'): void {
    if (this.#atMost === 0) return;
    const answers = new Map<string, Uint8Array | null | 'gone'>();
    let waiting = 0;
    for (const socket of this.#ctx.getWebSockets()) {
      const attachment = socket.deserializeAttachment() as Attachment;
      if (attachment.answered) continue;
      const key = `${attachment.offset} ${attachment.bytesMax} ${attachment.recordsMax} ${attachment.isolation} ${attachment.pendingOf ?? ''} ${attachment.waitsForProgress ?? ''} ${attachment.seenHighWatermark ?? ''}`;
      const known = answers.get(key);
      const message = known === undefined ? answer(attachment) : known;
      answers.set(key, message);
      if (message === null) waiting += 1;
      else finish(socket, attachment, message);
    }
    this.#atMost = waiting;
  }
}

function finish(socket: WebSocket, attachment: Attachment, message: Uint8Array | 'gone'): void {
  try {
    socket.serializeAttachment({ ...attachment, answered: true } satisfies Attachment);
    if (message !== 'gone') socket.send(message);
    socket.close(1000, message === 'gone' ? 'ask again' : 'answered');
  } catch {
    // The reader has left: nobody is there to be told.
  }
}
