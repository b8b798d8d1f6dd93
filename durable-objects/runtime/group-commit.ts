/**
 * Group commit: calls that arrive while a commit is on its way to disk share the next one. An idle object commits at
 * once, except for items that can wait: they wait a little for one that cannot. Callers get their result when it is durable.
 */

/** How long an item that can wait does so, in ms. A client on the same machine has sent its next message by then. */
const GATHER_MS = 2;

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
  /** An item waits that is not to wait longer than for the commit under way. */
  #isUrgent = false;
  /** A timer is under way for what can wait. */
  #isTimed = false;
  /** Bytes of the items that are not on disk yet. */
  pendingBytes = 0;
  /** Commits since the object woke. */
  commits = 0;

  constructor(options: GroupCommitOptions<Item, Result>) {
    this.#options = options;
  }

  /** @param canWait nobody gains if the item is committed at once */
  submit(item: Item, bytes: number, canWait = false): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, bytes, resolve, reject });
      this.pendingBytes += bytes;
      this.#isUrgent ||= !canWait;
      if (!this.#running) this.#begin();
    });
  }

  /** Commits what waits before it returns: for a caller that looks at the state, or changes it, by other ways. */
  hurry(): void {
    if (this.#waiting.length > 0) void this.#commitWaiting();
  }

  #begin(): void {
    if (this.#isUrgent) void this.#run();
    else if (this.#waiting.length > 0 && !this.#isTimed) {
      this.#isTimed = true;
      setTimeout(() => {
        this.#isTimed = false;
        this.hurry();
      }, GATHER_MS);
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#isUrgent) await this.#commitWaiting();
    this.#running = false;
    this.#begin();
  }

  async #commitWaiting(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    this.#isUrgent = false;
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
}
