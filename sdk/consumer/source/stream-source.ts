/**
 * Stream source: the queue pushes messages within the prefetch. Settlements and outcomes use the same socket. A stream
 * that ends is opened again, with growing delays; the messages of its consumer have then gone back to the queue.
 */

import { isOutcomeFrame } from '../../../protocol/frames/settlement-frame.ts';
import { delayMs } from '../../client/http/retry.ts';
import { sleep } from '../../client/sleep.ts';
import { openSocket } from '../../client/sockets/open-socket.ts';
import type { Socket } from '../../client/sockets/socket.ts';
import { asPosthornError, PosthornError } from '../../errors.ts';
import { queuePath } from '../../client/names.ts';
import type { MessageSource, SourceHost } from './message-source.ts';
import { settleOverHttp } from '../settlement-entries.ts';

/** How long the last deliveries may take when the consumer stops, in ms. */
const HALT_MS = 1_000;

/** A stream that is silent for so many heartbeats counts as broken. It is noticed with the next heartbeat. */
const SILENT_HEARTBEATS = 2.5;

interface WaitingOutcome {
  resolve(frame: Uint8Array): void;
  reject(error: PosthornError): void;
}

export class StreamSource implements MessageSource {
  /** Whether it was ever open. */
  wasOpen = false;
  readonly #host: SourceHost;
  readonly #abort = new AbortController();
  #socket: Socket | null = null;
  #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #halted: PromiseWithResolvers<void> | null = null;
  /** By the id of the frame. */
  readonly #waiting = new Map<number, WaitingOutcome>();
  #heardMs = 0;
  #heart: ReturnType<typeof setInterval> | undefined;

  constructor(host: SourceHost) {
    this.#host = host;
  }

  async run(): Promise<void> {
    const { transport } = this.#host;
    for (let failures = 0; !this.#host.isStopping;) {
      let error = new PosthornError('connection_failed', 'the stream has ended', { retryable: true });
      try {
        if (!(await this.#open())) return;
        failures = 0;
        await this.#ended.promise;
        if (this.#host.isStopping) return;
        this.#host.loseAll(error);
        this.#host.tell(error);
      } catch (cause) {
        error = asPosthornError(cause);
        if (!this.wasOpen || !error.retryable) throw error;
        this.#host.tell(error);
        await this.#host.check(); // why a socket was refused it cannot say
      }
      await sleep(delayMs(transport.config.retry, ++failures, error), this.#abort.signal);
    }
  }

  flow(): void {
    if (this.#halted === null) this.#socket?.send(JSON.stringify({ prefetch: this.#host.prefetch }));
  }

  async halt(): Promise<void> {
    if (this.#socket === null) return this.#abort.abort();
    this.#halted = Promise.withResolvers();
    this.#socket.send(JSON.stringify({ prefetch: 0 }));
    await Promise.race([this.#halted.promise, this.#ended.promise, sleep(HALT_MS)]);
  }

  /** Without a stream the settlement goes over HTTP. The broker then reports what happened to the messages. */
  settle(frame: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { transport, queue } = this.#host;
    const socket = this.#socket;
    if (socket === null) return settleOverHttp(transport, queue, undefined, frame, signal);
    const id = new DataView(frame.buffer, frame.byteOffset).getUint32(1);
    return new Promise((resolve, reject) => {
      const { timeoutMs } = transport.config;
      const timer = setTimeout(() => end('timeout', `no answer within ${timeoutMs} ms`), timeoutMs);
      const end = (code: 'timeout' | 'aborted', text: string): void => {
        this.#waiting.get(id)?.reject(new PosthornError(code, text, { retryable: code === 'timeout' }));
      };
      const onAbort = (): void => end('aborted', 'the consumer was aborted');
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      });
      signal.addEventListener('abort', onAbort, { once: true });
      socket.send(frame);
    });
  }

  close(): void {
    this.#abort.abort();
    this.#socket?.close(1000, 'done');
    this.#end();
  }

  /** False if the consumer has stopped meanwhile. */
  async #open(): Promise<boolean> {
    const { transport, queue, config, leaseMs, prefetch } = this.#host;
    const socket = await openSocket(transport, `${queuePath(queue)}/stream`, {
      frames: 'binary',
      prefetch,
      priority: config.priority === 0 ? undefined : config.priority,
      lease_ms: leaseMs,
      heartbeat_ms: config.heartbeatMs,
      consumer_id: encodeURIComponent(config.consumerId),
    });
    if (this.#abort.signal.aborted) {
      socket.close(1000, 'done');
      return false;
    }
    this.wasOpen = true;
    this.#socket = socket;
    config.onOpen?.();
    if (this.#host.prefetch !== prefetch) this.flow();
    this.#ended = Promise.withResolvers();
    this.#heardMs = performance.now();
    this.#heart = setInterval(() => this.#beat(socket), config.heartbeatMs);
    socket.addEventListener('message', ({ data }) => this.#hear(data));
    for (const event of ['close', 'error']) {
      socket.addEventListener(event, () => {
        if (this.#socket === socket) this.#end();
      });
    }
    return true;
  }

  #end(): void {
    clearInterval(this.#heart);
    this.#socket = null;
    const error = new PosthornError('connection_failed', 'the stream has ended', { retryable: true });
    for (const waiting of [...this.#waiting.values()]) waiting.reject(error);
    this.#ended.resolve();
  }

  /** The answer to a ping does not wake the queue, which sees it nevertheless. */
  #beat(socket: Socket): void {
    if (performance.now() - this.#heardMs > SILENT_HEARTBEATS * this.#host.config.heartbeatMs) {
      socket.close(1000, 'silent');
      return this.#end();
    }
    socket.send('ping');
  }

  #hear(data: unknown): void {
    this.#heardMs = performance.now();
    try {
      if (typeof data === 'string') return this.#hearText(data);
      const bytes = new Uint8Array(data as ArrayBuffer);
      if (!isOutcomeFrame(bytes)) return this.#host.accept(bytes);
      this.#waiting.get(new DataView(bytes.buffer).getUint32(1))?.resolve(bytes);
    } catch (error) {
      // Messages in an unreadable frame cannot be settled. Closing the stream gives them back.
      this.#host.tell(error);
      this.#socket?.close(1000, 'unreadable');
      this.#end();
    }
  }

  #hearText(text: string): void {
    if (text === 'pong') return;
    const said = JSON.parse(text) as { prefetch?: number; id?: number; code?: string; detail?: string };
    if (said.prefetch !== undefined) return this.#halted?.resolve();
    const error = new PosthornError('unexpected_reply', `${said.code}: ${said.detail}`);
    const waiting = said.id === undefined ? undefined : this.#waiting.get(said.id);
    if (waiting) waiting.reject(error);
    else this.#host.tell(error);
  }
}
