/**
 * Group commit: calls that arrive while a commit is on its way to disk share the next one. An idle object commits at
 * once. Callers get their result when it is durable.
 */

interface Waiting<Item, Result> {
  item: Item;
  bytes: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export interface GroupCommitOptions<Item, Result> {
  /** Commits all items as one, synchronously, and gives a result for each. An exception refuses them all. */
  commit: (items: readonly Item[]) => Result[];
  /** Resolves when what was committed is on disk. */
  sync: () => Promise<void>;
  /** Called when a group is on disk. */
  committed?: () => void;
}

export class GroupCommit<Item, Result> {
  readonly #options: GroupCommitOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #running = false;
  /** Bytes of the items that are not on disk yet. */
  pendingBytes = 0;
  /** Commits since the object woke. */
  commits = 0;

  constructor(options: GroupCommitOptions<Item, Result>) {
    this.#options = options;
  }

  submit(item: Item, bytes: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject });
      this.pendingBytes += bytes;
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        const results = this.#options.commit(group.map(({ item }) => item));
        this.commits += 1;
        await this.#options.sync();
        group.forEach(({ resolve }, index) => resolve(results[index]!));
        this.#options.committed?.();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      for (const { bytes } of group) this.pendingBytes -= bytes;
    }
    this.#running = false;
  }
}
