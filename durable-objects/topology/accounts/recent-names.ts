/** Recent names: knows the last of them again. They are in memory only, for what happens several times within some seconds. */

const NAMES_MAX = 10_000;

export class RecentNames {
  readonly #names = new Set<string>();

  /** @returns whether it is new */
  note(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    if (this.#names.size > NAMES_MAX) this.#names.delete(this.#names.keys().next().value!);
    return true;
  }
}
