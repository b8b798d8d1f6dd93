/**
 * What is to be done with exactly once: a message that is moved by replays, or a record of a share group.
 *
 * - what was stored is done with by somebody, in the end: never lost;
 * - what somebody was told is done is handed to nobody who asks after that answer, and nobody is told so twice;
 * - what was never sent is never seen.
 */

interface Known {
  isStored: boolean;
  /** When it was answered that it is done, in ms; null: not yet. */
  doneMs: number | null;
  /** It was asked for, and no answer came. */
  isPerhapsDone: boolean;
}

export class OnceLedger {
  readonly #known = new Map<string, Known>();
  readonly #broken: string[] = [];

  get storedCount(): number {
    return [...this.#known.values()].filter(({ isStored }) => isStored).length;
  }

  get doneCount(): number {
    return [...this.#known.values()].filter(({ doneMs }) => doneMs !== null).length;
  }

  sent(id: string): void {
    this.#known.set(id, { isStored: false, doneMs: null, isPerhapsDone: false });
  }

  stored(id: string): void {
    this.#known.get(id)!.isStored = true;
  }

  /** @param askedMs when the request was made that it was the answer to */
  delivered(id: string, askedMs: number): void {
    const known = this.#known.get(id);
    if (!known) this.#broken.push(`${id} was delivered and never sent`);
    else if (known.doneMs !== null && known.doneMs < askedMs)
      this.#broken.push(`${id} was delivered after it was done with`);
  }

  done(id: string, nowMs: number): void {
    const known = this.#known.get(id)!;
    if (known.doneMs !== null) this.#broken.push(`${id} was done with twice`);
    known.doneMs = nowMs;
  }

  /** It was asked to be done with, and nobody knows. */
  perhapsDone(id: string): void {
    this.#known.get(id)!.isPerhapsDone = true;
  }

  /** One sentence for each broken promise, once nothing is left to hand out. */
  check(): string[] {
    const broken = [...this.#broken];
    for (const [id, { isStored, doneMs, isPerhapsDone }] of this.#known) {
      if (isStored && doneMs === null && !isPerhapsDone) broken.push(`${id} was stored and is lost`);
    }
    return broken;
  }
}
