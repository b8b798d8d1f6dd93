/**
 * Paced deliveries: holds the deliveries of a stream back while the rate of its namespace or token is used up. Everything else that
 * the queue sends goes at once. What is held is bounded by the prefetch of the stream, which `pacedPrefetch` bounds.
 */

import { deliveryCount } from '../../../protocol/frames/delivery-frame.ts';
import type { AppContext } from '../../http/context.ts';
import { lowestRate, spend, waitForRate } from './rates.ts';

export type StreamData = ArrayBuffer | string;

/** A delivery frame begins with a positive float64, every other frame with a larger byte: settlement-frame.ts. */
const FIRST_BYTE_OF_OTHERS = 0x80;

/** Of a message that changes the prefetch, in characters: it has nothing else. */
const CHANGE_LENGTH_MAX = 1_000;

/** The part of a lease that messages may wait here at most. */
const HELD_PART_OF_LEASE = 4;

/** Returns how many messages a stream may hold: so many that the last of them is handed out long before its lease ends. */
export function pacedPrefetch(c: AppContext, prefetch: number, leaseMs: number): number {
  const perS = lowestRate(c, 'deliver');
  if (perS === null) return prefetch;
  return Math.min(prefetch, Math.max(1, Math.floor((perS * leaseMs) / 1_000 / HELD_PART_OF_LEASE)));
}

/** Returns what a client sends to its queue, with a change of the prefetch bounded as the first one was. */
export function pacedRequest(c: AppContext, data: StreamData, leaseMs: number): StreamData {
  if (typeof data !== 'string' || data.length > CHANGE_LENGTH_MAX || !data.includes('"prefetch"'))
    return data;
  if (lowestRate(c, 'deliver') === null) return data;
  try {
    const change = JSON.parse(data) as { prefetch?: unknown };
    if (typeof change.prefetch !== 'number') return data;
    return JSON.stringify({ ...change, prefetch: pacedPrefetch(c, change.prefetch, leaseMs) });
  } catch {
    return data; // the queue says what is wrong with it
  }
}

/** Returns how many deliveries a message of a queue to a consumer has. */
export function deliveriesIn(data: StreamData): number {
  if (typeof data === 'string') {
    if (!data.startsWith('{"deliveries":')) return 0;
    return (JSON.parse(data) as { deliveries: unknown[] }).deliveries.length;
  }
  const bytes = new Uint8Array(data);
  return bytes.length === 0 || bytes[0]! >= FIRST_BYTE_OF_OTHERS ? 0 : deliveryCount(bytes);
}

export class PacedDeliveries {
  readonly #c: AppContext;
  readonly #send: (data: StreamData) => void;
  readonly #held: { data: StreamData; count: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(c: AppContext, send: (data: StreamData) => void) {
    this.#c = c;
    this.#send = send;
  }

  /** Sends it, now or when the rate allows it. */
  offer(data: StreamData): void {
    if (lowestRate(this.#c, 'deliver') === null && this.#held.length === 0) return this.#send(data);
    const count = deliveriesIn(data);
    if (count === 0) return this.#send(data);
    this.#held.push({ data, count });
    if (this.#held.length === 1) this.#sendHeld();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#held.length = 0;
  }

  #sendHeld(): void {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const wait = waitForRate(this.#c, 'deliver');
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#sendHeld(), wait);
        return;
      }
      spend(this.#c, 'deliver', next.count);
      this.#held.shift();
      this.#send(next.data);
    }
  }
}
