/**
 * The one scheduler: it owns the time, and runs one event after another. Between two events all promises that can go on do
 * so; nothing else ever runs. What happens follows from the seed alone, so that a run can be repeated exactly.
 */

import { randomFrom, type Random } from '../../crash/random.ts';

export interface Timer {
  isCancelled: boolean;
}

interface Event extends Timer {
  atMs: number;
  order: number;
  label: string;
  run: () => void;
}

const START_MS = 1_800_000_000_000;

/** Taken before anything is simulated. */
const realImmediate = setImmediate;

export class Scheduler {
  readonly random: Random;
  #nowMs = START_MS;
  #events: Event[] = [];
  #order = 0;
  #hash = 0x811c9dc5;
  /** Events that have run. */
  count = 0;
  /** What ends the run at once: code that no fault brought down, but that asks for what is not simulated. */
  #broken: Error | null = null;
  /** Told of each event and note, for a trace; null while nobody looks. */
  onTrace: ((line: string) => void) | null = null;
  /** Called before each event with its number, from 1. */
  onEvent: ((number: number) => void) | null = null;
  /** Called after each event, when all that can go on has done so. */
  afterEvent: (() => void) | null = null;

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** In ms, with fractions: two events hardly ever happen at the same time. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Since the beginning, in ms. */
  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  /** Equal for two runs that did the same at the same times. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  breakWith(error: Error): void {
    this.#broken ??= error;
  }

  after(delayMs: number, label: string, run: () => void): Timer {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const event: Event = { atMs, order: this.#order++, label, run, isCancelled: false };
    push(this.#events, event);
    return event;
  }

  sleep(delayMs: number, label = 'sleep'): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, label, resolve));
  }

  /** Makes what happened part of the hash, and of the trace. */
  note(text: string): void {
    let hash = this.#hash;
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    }
    this.#hash = hash;
    this.onTrace?.(`${this.elapsedMs.toFixed(1).padStart(10)}  ${text}`);
  }

  /** Runs until the promise is settled. Throws if nothing is left that could settle it. */
  async runUntil<Result>(work: Promise<Result>, eventsMax = 1_000_000): Promise<Result> {
    let isOver = false;
    const end = (): void => void (isOver = true);
    work.then(end, end);
    await settled();
    while (!isOver) {
      if (this.#broken) throw this.#broken;
      const event = pop(this.#events);
      if (!event) throw new Error('the simulation stands still: nothing is left to happen');
      if (event.isCancelled) continue;
      if (this.count++ > eventsMax) throw new Error(`the simulation goes on after ${eventsMax} events`);
      this.#nowMs = event.atMs;
      this.onEvent?.(this.count);
      this.#hash = Math.imul(this.#hash ^ ((event.atMs * 64) | 0), 0x01000193) ^ event.label.length;
      event.run();
      await settled();
      this.afterEvent?.();
    }
    return await work;
  }
}

/** Resolves when every promise that can go on has done so. */
function settled(): Promise<void> {
  return new Promise((resolve) => realImmediate(resolve));
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A binary heap, the earliest event first. */
function push(heap: Event[], event: Event): void {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(event, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
    if (!isBefore(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return first;
}
