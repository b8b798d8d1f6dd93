/**
 * Publish sockets: WebSockets whose frames are publishes to the queue (docs/frames.md). The router hands one on where nothing has to be
 * watched on the way: no credential that may end, and no quota. Frames are checked and answered as by the router, one after
 * the other. What only the router can answer ends the socket without a reply, and the client sends it again by itself.
 */

import { checkQueueBatches } from '../../../core/queue/publish/queue-batches.ts';
import { refuseIfFull } from '../../../core/queue/publish/queue-producers.ts';
import { isFailure, requestTooLarge, type Failure } from '../../../protocol/errors.ts';
import { check } from '../../../protocol/fields/check.ts';
import { parseQuery } from '../../../protocol/fields/parse-query.ts';
import { TOO_MUCH_CODE, UNAVAILABLE_CODE } from '../../../protocol/frames/close-codes.ts';
import {
  decodeRequestFrame,
  problemReply,
  requestReply,
  textRefused,
  type RequestFrame,
} from '../../../protocol/frames/request-frame.ts';
import {
  REQUEST_BYTES_MAX,
  REQUEST_SOCKET_BYTES_MAX,
  REQUEST_SOCKET_FRAMES_MAX,
  REQUEST_SOCKET_WAITING_MAX,
} from '../../../protocol/limits.ts';
import { InflateBudget } from '../../../protocol/record-batch/index.ts';
import { queuePublishQuerySchema } from '../../../protocol/schemas/deliveries.ts';
import type { Published, PublishOptions } from '../../rpc/queue.ts';
import { isStale, type Stale } from '../../rpc/stale.ts';
import { zlibCodec } from '../../storage/zlib-codec.ts';

const TAG = 'publishes';

/** How long a socket is used. The next one is opened by what the router knows then of credentials and quotas. */
const USED_MS = 60_000;

/** Bytes of frames that wait, of all sockets together. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

export interface PublishHost {
  now(): number;
  /** Null: the queue is not open. */
  queueName(): string | null;
  publish(bytes: Uint8Array, options: Pick<PublishOptions, 'producer'>): Promise<Published | Failure | Stale>;
}

/** What a socket keeps while the object is not in memory. */
interface Attachment {
  publishesUntilMs: number;
}

/** Frames of a socket, in their order. */
interface Line {
  readonly untilMs: number;
  readonly waiting: Uint8Array[];
  bytes: number;
  answers: number;
  isBusy: boolean;
}

export class PublishSockets {
  readonly #ctx: DurableObjectState;
  readonly #host: PublishHost;
  /** Of sockets that have sent something since the object woke; null for those of others. */
  readonly #lines = new WeakMap<WebSocket, Line | null>();
  #waitingBytes = 0;

  constructor(ctx: DurableObjectState, host: PublishHost) {
    this.#ctx = ctx;
    this.#host = host;
  }

  accept(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#ctx.acceptWebSocket(server, [TAG]);
    const publishesUntilMs = this.#host.now() + USED_MS;
    server.serializeAttachment({ publishesUntilMs } satisfies Attachment);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Null: the socket is none of these. */
  answering(socket: WebSocket, data: string | ArrayBuffer): Promise<void> | null {
    const known = this.#lines.get(socket);
    const line = known === undefined ? this.#lineOf(socket) : known;
    return line && this.#take(socket, line, data);
  }

  /** The queue goes. What has no answer is sent again, and learns of that. */
  dismiss(): void {
    for (const socket of this.#ctx.getWebSockets(TAG)) end(socket, UNAVAILABLE_CODE);
  }

  #lineOf(socket: WebSocket): Line | null {
    const { publishesUntilMs: untilMs } = (socket.deserializeAttachment() ?? {}) as Partial<Attachment>;
    const line: Line | null =
      untilMs === undefined ? null : { untilMs, waiting: [], bytes: 0, answers: 0, isBusy: false };
    this.#lines.set(socket, line);
    return line;
  }

  async #take(socket: WebSocket, line: Line, data: string | ArrayBuffer): Promise<void> {
    if (typeof data === 'string') return send(socket, problemReply(textRefused()));
    const bytes = data.byteLength;
    const isTooMuch = line.bytes > REQUEST_SOCKET_BYTES_MAX || this.#waitingBytes > WAITING_BYTES_MAX;
    if (line.waiting.length >= REQUEST_SOCKET_WAITING_MAX || isTooMuch)
      return end(socket, TOO_MUCH_CODE, 'too much waits for an answer');
    line.waiting.push(new Uint8Array(data));
    this.#count(line, bytes);
    if (line.isBusy) return;
    line.isBusy = true;
    for (let next = line.waiting.shift(); next !== undefined; next = line.waiting.shift()) {
      await this.#answer(socket, line, next);
      this.#count(line, -next.length);
    }
    line.isBusy = false;
  }

  #count(line: Line, bytes: number): void {
    line.bytes += bytes;
    this.#waitingBytes += bytes;
  }

  async #answer(socket: WebSocket, line: Line, bytes: Uint8Array): Promise<void> {
    if (socket.readyState !== WebSocket.OPEN) return; // nobody hears of it, and it is sent again
    if (this.#host.now() >= line.untilMs) return end(socket, TOO_MUCH_CODE);
    const frame = decodeRequestFrame(bytes);
    const result = isFailure(frame) ? frame : await this.#publish(frame);
    const id = isFailure(frame) ? undefined : frame.id;
    if (result === null) return end(socket, UNAVAILABLE_CODE);
    send(socket, isFailure(result) ? problemReply(result, id) : requestReply(id!, JSON.stringify(result)));
    if (++line.answers >= REQUEST_SOCKET_FRAMES_MAX) end(socket, TOO_MUCH_CODE);
  }

  /** @returns null for what only the router can answer */
  async #publish({ query, batches: bytes }: RequestFrame): Promise<Published | Failure | null> {
    const queue = this.#host.queueName();
    try {
      const delivery = deliveryOf(query);
      if (isFailure(delivery)) return delivery;
      if (bytes.length > REQUEST_BYTES_MAX) return requestTooLarge();
      const budget = new InflateBudget(zlibCodec.inflate, REQUEST_BYTES_MAX);
      const batches = await budget.opening(bytes, checkQueueBatches(bytes, delivery, null, this.#host.now()));
      if (isFailure(batches)) return batches;
      const { producer } = batches;
      const published = await this.#host.publish(batches.bytes, producer ? { producer } : {});
      if (queue === null || isStale(published)) return null;
      return isFailure(published) ? published : (refuseIfFull(queue, published) ?? published);
    } catch (error) {
      console.error(`a publish to queue ${queue} failed`, error);
      return null;
    }
  }
}

/** Most frames have no query. */
function deliveryOf(query: string): 'at-least-once' | 'exactly-once' | undefined | Failure {
  if (query === '') return undefined;
  const given = parseQuery(query);
  if (isFailure(given)) return given;
  const checked = check(queuePublishQuerySchema, Object.fromEntries(given), 'query');
  return isFailure(checked) ? checked : checked.fields.delivery;
}

function send(socket: WebSocket, text: string): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(text);
}

function end(socket: WebSocket, code: number, reason = 'open another socket'): void {
  if (socket.readyState === WebSocket.OPEN) socket.close(code, reason);
}
