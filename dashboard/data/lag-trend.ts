/** Lag trend: how fast a lag shrinks, and so when it is gone. */

import { spanText } from './words.ts';

/** Of a minute, so that one slow fetch says little. */
const SAMPLES_MS = 60_000;

export interface LagSample {
  readonly atMs: number;
  readonly lag: number;
}

export function withSample(samples: readonly LagSample[], sample: LagSample): LagSample[] {
  return [...samples.filter(({ atMs }) => atMs > sample.atMs - SAMPLES_MS), sample];
}

/** Returns the records a second by which the lag shrinks; negative if it grows. Undefined until it was seen twice. */
export function trendOf(samples: readonly LagSample[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return undefined;
  return ((first.lag - last.lag) * 1_000) / (last.atMs - first.atMs);
}

export function catchUpText(lag: number, trend: number | undefined): string {
  if (lag === 0) return 'it is there';
  if (trend === undefined) return '…';
  if (trend <= 0) return trend < 0 ? 'never: it falls behind' : 'never: it stands still';
  return spanText((lag / trend) * 1_000);
}
