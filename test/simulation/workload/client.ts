/** A client: sends requests, gives up after a while, and remembers what it holds and how far it has read. */

import type { Random } from '../../crash/random.ts';
import type { FaultRates } from '../faults.ts';
import type { History, HistoryEvent, Outcome } from '../history.ts';
import type { Caller } from '../platform/network.ts';
import { SimSignal, type SimResponse } from '../platform/http.ts';
import type { World } from '../platform/world.ts';
import { JSON_TYPE, RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';

export interface Answer {
  outcome: Outcome;
  /** Null if there was no answer. */
  status: number | null;
  body: Record<string, unknown>;
  /** How often the request was delivered at most. */
  copies: number;
  begin: number;
  end: number;
}

export interface Held {
  queue: string;
  tag: string;
  id: string;
}

const TIMEOUT_MS = 12_000;
const ATTEMPTS_MAX = 4;
/** Refusals of what is right: none of these requests is malformed. And 500 is said of bugs only. */
const ODD_STATUS = new Set([400, 405, 413, 415, 500]);

export class Client implements Caller {
  readonly name: string;
  readonly isAlive = true;
  readonly world: World;
  readonly history: History;
  /** Deliveries that are not settled yet. */
  held: Held[] = [];
  /** Where it goes on, by topic and partition. */
  readonly positions = new Map<string, number>();

  constructor(name: string, world: World, history: History) {
    this.name = name;
    this.world = world;
    this.history = history;
  }

  whenDurable(action: () => void): void {
    action();
  }

  get rates(): FaultRates {
    return this.world.rates;
  }

  sleep(delayMs: number): Promise<void> {
    return this.world.scheduler.sleep(delayMs);
  }

  add(event: HistoryEvent): void {
    this.history.add(event);
    const { begin: _begin, end: _end, ...said } = event;
    this.world.scheduler.note(`${this.name} knows ${JSON.stringify(said)}`);
  }

  /**
   * One attempt.
   * @param mayBeInvalid a request that the broker has to refuse as such is among what is tried
   */
  async request(
    method: string,
    path: string,
    body?: unknown,
    waitMs = 0,
    headers: Record<string, string> = {},
    mayBeInvalid = false,
  ): Promise<Answer> {
    const begin = this.history.now();
    let copies = 1;
    const { response } = await this.raw(method, path, body, waitMs, () => (copies = 2), headers);
    if (response === null)
      return { outcome: 'unknown', status: null, body: {}, copies, begin, end: Infinity };
    const text = await response.text();
    const answer = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    const { status } = response;
    const isPartial = 'stored' in answer || 'messages' in answer;
    const outcome = response.ok ? 'ok' : status >= 500 || isPartial ? 'unknown' : 'refused';
    const end = outcome === 'unknown' ? Infinity : this.history.now();
    if (ODD_STATUS.has(status) && !(mayBeInvalid && status === 400)) {
      const what = `${method} ${path} was answered ${status} ${text}`;
      this.add({ kind: 'odd', client: this.name, begin, end, what });
    }
    return { outcome, status, body: answer, copies, begin, end };
  }

  /** The response, or null if none came in time. */
  async raw(
    method: string,
    path: string,
    body?: unknown,
    waitMs = 0,
    onRepeat: () => void = () => {},
    headers: Record<string, string> = {},
  ): Promise<{ response: SimResponse | null }> {
    const signal = new SimSignal();
    const init = {
      method,
      signal,
      headers: { ...(body === undefined ? {} : { 'content-type': typeOf(body) }), ...headers },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    };
    const { scheduler } = this.world;
    return await new Promise((resolve) => {
      const timer = scheduler.after(TIMEOUT_MS + waitMs, 'client gives up', () => {
        resolve({ response: null });
        if (scheduler.random() < 0.5) signal.isDeaf = true;
        else scheduler.after(scheduler.random() * 20, 'client has left', () => signal.abort());
      });
      const end = (response: SimResponse | null): void => {
        if (signal.aborted) response?.webSocket?.break();
        timer.isCancelled = true;
        resolve({ response });
      };
      this.world.request(this, `/v1/default${path}`, init, onRepeat).then(end, () => end(null));
    });
  }

  /** Attempts until one is answered for good, with growing pauses between them, as the SDK makes them. */
  async retried(random: Random, attempt: (number: number) => Promise<Answer>): Promise<void> {
    for (let number = 0; number < ATTEMPTS_MAX; number++) {
      const { outcome, status } = await attempt(number);
      if (outcome === 'ok' || (outcome === 'refused' && status !== 429)) return;
      await this.sleep(100 * 2 ** number * (0.5 + random()));
    }
  }
}

/** Bytes are record batches. */
const typeOf = (body: unknown): string => (body instanceof Uint8Array ? RECORD_BATCH_TYPE : JSON_TYPE);
