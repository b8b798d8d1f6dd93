/** Messages by polls: one request for messages at a time. */

import { queuePath } from '../../client/names.ts';
import { sleep } from '../../client/sleep.ts';
import { requestDeliveries } from './delivery-request.ts';
import type { MessageSource, SourceHost } from './message-source.ts';
import { settleOverHttp } from '../settlement-entries.ts';

/** A wait that ends at once and brings nothing is not repeated faster than this, in ms. */
const EMPTY_PAUSE_MS = 50;

/**
 * A request under way when the consumer stops may bring messages. Nobody would handle them until their lease ends, or
 * they would be lost. So the consumer asks the broker to answer the request, and once more if that call overtook the
 * request. A request without an answer is cancelled in the end.
 */
const ANSWER_MS = 250;
const ASKED_MAX = 4;

export class PollSource implements MessageSource {
  readonly #host: SourceHost;
  readonly #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(host: SourceHost) {
    this.#host = host;
  }

  run(): Promise<void> {
    const running = this.#run();
    this.#running = running.catch(() => {});
    return running;
  }

  async halt(): Promise<void> {
    let isOver = false;
    const over = this.#running.then(() => (isOver = true));
    for (let asked = 0; asked < ASKED_MAX && !isOver; asked++) {
      const answered = this.#endWaits(this.#abort.signal).then(() => sleep(ANSWER_MS));
      await Promise.race([over, answered]);
    }
    this.#abort.abort();
    await this.#running;
  }

  /** Says that this consumer takes no more: a queue with a single active consumer turns to the next one. */
  leave(): Promise<void> {
    return this.#host.config.isAutoAck ? Promise.resolve() : this.#endWaits(undefined);
  }

  /** Never rejects: a broker that does not answer this answers nothing else either. */
  async #endWaits(signal: AbortSignal | undefined): Promise<void> {
    const { transport, queue, config } = this.#host;
    const query = { consumer_id: encodeURIComponent(config.consumerId) };
    const call = { method: 'DELETE', path: `${queuePath(queue)}/waits`, query } as const;
    await transport.call({ ...call, signal, timeoutMs: ANSWER_MS * ASKED_MAX }).catch(() => {});
  }

  settle(frame: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { transport, queue, config } = this.#host;
    return settleOverHttp(transport, queue, config.consumerId, frame, signal);
  }

  close(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    while (!this.#host.isStopping) {
      const max = this.#host.room();
      if (max > 0) await this.#take(max);
      else await this.#host.change();
    }
  }

  async #take(max: number): Promise<void> {
    const { transport, queue, config, leaseMs } = this.#host;
    const { consumerId, waitMs, isAutoAck } = config;
    const { signal } = this.#abort;
    const startMs = performance.now();
    const { bytes } = await this.#host.persistently(() =>
      requestDeliveries(transport, { queue, consumerId, max, waitMs, leaseMs, isAutoAck, signal }),
    );
    if (bytes.length > 0) return this.#host.accept(bytes);
    const isEarly = waitMs > EMPTY_PAUSE_MS && performance.now() - startMs < EMPTY_PAUSE_MS;
    if (isEarly) await sleep(EMPTY_PAUSE_MS, signal);
  }
}
