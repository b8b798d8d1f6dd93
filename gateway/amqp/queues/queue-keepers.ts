/**
 * Queue keepers: a stream of a connection for each queue that has to end with it, or of which it has got messages. The stream takes
 * nothing. Should this process die, the broker notices that its streams end: it gives the messages back at once, and exclusive
 * queues expire soon after.
 */

import type { StreamKeeps } from '../../../protocol/schemas/deliveries.ts';
import { delayMs } from '../../../sdk/client/http/retry.ts';
import { queuePath } from '../../../sdk/client/names.ts';
import { sleep } from '../../../sdk/client/sleep.ts';
import { openSocket } from '../../../sdk/client/sockets/open-socket.ts';
import type { Socket } from '../../../sdk/client/sockets/socket.ts';
import type { Transport } from '../../../sdk/client/transport.ts';
import { asPosthornError } from '../../../sdk/errors.ts';

/** The broker takes a stream for gone that was silent for three times as long. As of the SDK's consumers, in ms. */
const HEARTBEAT_MS = 8_000;

/** Pings without an answer after which the stream counts as broken. */
const SILENT_PINGS_MAX = 2;

/** Between two attempts at most, in ms: an exclusive queue has to be kept again before it expires. */
const RETRY_MS_MAX = 2_000;

/** How long anybody waits for a keeper, in ms: where no WebSocket gets through, everything else still works. */
const WAIT_MS_MAX = 1_000;

interface Keeper {
  /** Resolves when it is open, the first attempt has failed, or that takes too long. */
  readonly tried: Promise<void>;
  readonly abort: AbortController;
}

export class QueueKeepers {
  readonly #transport: Transport;
  readonly #consumerId: string;
  /** By queue. */
  readonly #keepers = new Map<string, Keeper>();

  constructor(transport: Transport, consumerId: string) {
    this.#transport = transport;
    this.#consumerId = consumerId;
  }

  /** Resolves when the queue is kept, or cannot be now. Then it is tried again. */
  keep(queue: string, keeps: StreamKeeps): Promise<void> {
    const known = this.#keepers.get(queue);
    if (known !== undefined) return known.tried;
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    const keeper: Keeper = { tried, abort: new AbortController() };
    this.#keepers.set(queue, keeper);
    const timer = setTimeout(resolve, WAIT_MS_MAX);
    const done = (): void => (clearTimeout(timer), resolve());
    void this.#run({ queue, keeps }, keeper.abort.signal, done).then(() => {
      done();
      if (this.#keepers.get(queue) === keeper) this.#keepers.delete(queue);
    });
    return tried;
  }

  release(queue: string): void {
    this.#keepers.get(queue)?.abort.abort();
    this.#keepers.delete(queue);
  }

  close(): void {
    for (const queue of [...this.#keepers.keys()]) this.release(queue);
  }

  /** Keeps until it is aborted, or the queue is gone. Never rejects. */
  async #run(
    { queue, keeps }: { queue: string; keeps: StreamKeeps },
    signal: AbortSignal,
    tried: () => void,
  ): Promise<void> {
    const policy = { ...this.#transport.config.retry, maxMs: RETRY_MS_MAX };
    for (let failures = 0; !signal.aborted;) {
      try {
        const socket = await this.#open(queue, keeps);
        failures = 0;
        tried();
        await untilClosed(socket, signal);
      } catch (error) {
        tried();
        if (await this.#isGone(queue)) return;
        await sleep(delayMs(policy, ++failures, asPosthornError(error)), signal).catch(() => {});
      }
    }
  }

  #open(queue: string, keeps: StreamKeeps): Promise<Socket> {
    return openSocket(this.#transport, `${queuePath(queue)}/stream`, {
      keeps,
      heartbeat_ms: HEARTBEAT_MS,
      consumer_id: encodeURIComponent(this.#consumerId),
    });
  }

  /** Why a socket was refused it cannot say. */
  async #isGone(queue: string): Promise<boolean> {
    try {
      await this.#transport.call({ method: 'GET', path: queuePath(queue) });
      return false;
    } catch (error) {
      return asPosthornError(error).code === 'queue_not_found';
    }
  }
}

/** Keeps a stream alive until one side ends it, or the broker is silent. */
async function untilClosed(socket: Socket, signal: AbortSignal): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  let pings = 0;
  const heart = setInterval(() => {
    if (pings >= SILENT_PINGS_MAX) return resolve();
    pings++;
    socket.send('ping');
  }, HEARTBEAT_MS);
  socket.addEventListener('message', () => (pings = 0));
  socket.addEventListener('close', () => resolve());
  socket.addEventListener('error', () => resolve());
  signal.addEventListener('abort', () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await over;
  clearInterval(heart);
  socket.close(1000, 'done');
}
