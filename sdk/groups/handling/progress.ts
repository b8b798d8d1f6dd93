/** Progress of a partition, for records that may finish in another order than they began. */

/** Something in hand: a record, a batch, or the end of what a fetch brought. */
export interface Step {
  /** The offset after it. */
  readonly next: number;
  isDone: boolean;
}

export class Progress {
  /** Everything below is handled: what may be committed. Null while it is not known where reading began. */
  position: number | null = null;
  /** In the order of offsets: `#steps[#first]` is the first that is not done. */
  #steps: Step[] = [];
  #first = 0;

  get isDone(): boolean {
    return this.#first === this.#steps.length;
  }

  begin(next: number): Step {
    const step = { next, isDone: false };
    this.#steps.push(step);
    return step;
  }

  end(step: Step): void {
    step.isDone = true;
    const steps = this.#steps;
    while (this.#first < steps.length && steps[this.#first]!.isDone)
      this.position = steps[this.#first++]!.next;
    if (this.#first === steps.length || this.#first > 1_000) {
      steps.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** Forgets what is in hand, and goes on elsewhere. */
  reset(position: number | null): void {
    this.position = position;
    this.#steps = [];
    this.#first = 0;
  }
}
