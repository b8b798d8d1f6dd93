/** Virtual time in whole milliseconds: what is due in the same one runs together, and everything that follows of it before time goes on. */

export class VirtualTime {
  nowMs = 1_000_000;
  readonly #due = new Map<number, (() => void)[]>();

  after(ms: number, act: () => void): void {
    const atMs = this.nowMs + Math.max(Math.ceil(ms), 1);
    const due = this.#due.get(atMs);
    if (due) due.push(act);
    else this.#due.set(atMs, [act]);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  async run(ms: number): Promise<void> {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += 1;
      const due = this.#due.get(this.nowMs);
      if (!due) continue;
      this.#due.delete(this.nowMs);
      for (const act of due) act();
      // Promises that were resolved run on before it comes back.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
