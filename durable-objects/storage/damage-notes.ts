/** Damage notes: which stored batches were found damaged since the object woke. Each is logged once, and counted. */

/** Offsets that are remembered; beyond it they are logged and no longer told apart. */
const NOTES_MAX = 10_000;

export class DamageNotes {
  readonly #where: string;
  readonly #offsets = new Set<number>();

  /** @param where what the log line names: a topic and its partition */
  constructor(where: string) {
    this.#where = where;
  }

  get count(): number {
    return this.#offsets.size;
  }

  /** @param problem what is wrong; a reader that has logged it itself leaves it out. @returns that it was noted */
  note(offset: number, problem?: string): true {
    if (this.#offsets.has(offset) || this.#offsets.size >= NOTES_MAX) return true;
    this.#offsets.add(offset);
    if (problem !== undefined)
      console.error(`${this.#where}: the stored batch at offset ${offset} is damaged: ${problem}`);
    return true;
  }
}
