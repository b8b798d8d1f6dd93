/**
 * Offset times: when the records of a partition were written, from the high watermarks of its reports. Between two of them the
 * time is interpolated. In memory alone: what is older than the first report was written before that.
 */

/** Above it every second one is forgotten, but for the newest: the older, the coarser. */
const SAMPLES_MAX = 64;

export class OffsetTimes {
  #samples: { offset: number; atMs: number }[] = [];

  add(offset: number, atMs: number): void {
    const last = this.#samples.at(-1);
    if (last?.offset === offset) {
      last.atMs = atMs; // its next record comes later than this
      return;
    }
    this.#samples.push({ offset, atMs });
    if (this.#samples.length <= SAMPLES_MAX) return;
    const half = SAMPLES_MAX / 2;
    this.#samples = this.#samples.filter((_, index) => index === 0 || index > half || index % 2 === 0);
  }

  /** Returns when the record of the offset was written, roughly; null: it was not, as far as is known. */
  timeOf(offset: number): number | null {
    const next = this.#samples.findIndex((sample) => sample.offset > offset);
    if (next === -1) return null;
    const { offset: to, atMs: toMs } = this.#samples[next]!;
    const before = this.#samples[next - 1];
    if (!before) return toMs;
    const { offset: from, atMs: fromMs } = before;
    return fromMs + ((toMs - fromMs) * (offset - from)) / (to - from);
  }
}
