/** Progress: a line on a terminal that says how much is done, how fast, and how long the rest takes. */

import type { Printer } from './printer.ts';

const REDRAW_MS = 100;
const BAR_WIDTH = 20;

/** The time that the rate is taken over, in ms: long enough to be steady, and short enough to follow a change. */
const RATE_WINDOW_MS = 2_000;

export interface ProgressSnapshot {
  readonly done: number;
  /** Undefined: nobody knows how much there is. */
  readonly total?: number | undefined;
  readonly perSecond: number;
  /** Undefined: the total or the rate is unknown. */
  readonly restMs?: number | undefined;
}

export class Progress {
  readonly #printer: Printer;
  readonly #unit: string;
  readonly #isShown: boolean;
  readonly #samples: { atMs: number; done: number }[] = [];
  #drawnAtMs = -Infinity;
  #isDrawn = false;

  constructor(printer: Printer, unit: string, nowMs = performance.now()) {
    this.#printer = printer;
    this.#unit = unit;
    this.#isShown = printer.err.isTerminal && !printer.isQuiet && !printer.isJson;
    this.#samples.push({ atMs: nowMs, done: 0 });
  }

  /** Takes how much is done by now, and draws it if it is time to. */
  update(done: number, total?: number, nowMs = performance.now()): ProgressSnapshot {
    // What has not begun yet has no rate: the time of a connection is no part of it.
    if (done === 0) this.#samples.length = 0;
    this.#samples.push({ atMs: nowMs, done });
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < nowMs - RATE_WINDOW_MS) this.#samples.shift();
    const snapshot = this.#snapshot(done, total);
    if (this.#isShown && nowMs - this.#drawnAtMs >= REDRAW_MS) {
      this.#drawnAtMs = nowMs;
      this.#isDrawn = true;
      void this.#printer.err.write(
        `\r\x1b[K${progressText(snapshot, this.#unit, this.#printer.err.columns)}`,
      );
    }
    return snapshot;
  }

  /** Removes the line. */
  async clear(): Promise<void> {
    if (this.#isDrawn) await this.#printer.err.write('\r\x1b[K');
    this.#isDrawn = false;
  }

  #snapshot(done: number, total: number | undefined): ProgressSnapshot {
    const [first, last] = [this.#samples[0]!, this.#samples.at(-1)!];
    const ms = last.atMs - first.atMs;
    const perSecond = ms > 0 ? ((last.done - first.done) / ms) * 1000 : 0;
    const restMs =
      total !== undefined && perSecond > 0 ? (Math.max(0, total - done) / perSecond) * 1000 : undefined;
    return { done, total, perSecond, restMs };
  }
}

export function progressText(
  { done, total, perSecond, restMs }: ProgressSnapshot,
  unit: string,
  columns: number,
): string {
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const parts = [
    share === undefined ? undefined : `${String(Math.floor(share * 100)).padStart(3)} %`,
    `${count(done)}${total === undefined ? '' : ` of ${count(total)}`} ${unit}`,
    `${count(perSecond)}/s`,
    restMs === undefined ? undefined : `${durationText(restMs)} left`,
  ].filter((part) => part !== undefined);
  const text = parts.join('  ');
  const filled = share === undefined ? 0 : Math.round(share * BAR_WIDTH);
  const bar = share === undefined ? '' : `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} `;
  return (bar.length + text.length < columns ? bar + text : text).slice(0, Math.max(0, columns - 1));
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');

export function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
