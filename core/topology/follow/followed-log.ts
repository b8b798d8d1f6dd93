/**
 * Followed log: the last changes of a topology, as a follower keeps them to hand them on. It covers the versions from `base` to
 * `version`; a router of a version in between gets the changes that it lacks.
 */

import { PAGE_BYTES_MAX } from '../../../protocol/limits.ts';

/** Changes after a version. */
export interface LogPart {
  /** A JSON array, oldest first, each change making the next version. */
  changesJson: string;
  count: number;
  /** There are more. */
  isPartial: boolean;
}

/** A change is some 200 bytes, but one of many bindings up to 500 KB. */
const BYTES_KEPT = 4 * 1024 * 1024;
const CHANGES_KEPT = 10_000;
const CHANGES_PER_ANSWER = 1_000;

export class FollowedLog {
  /** The oldest version from which the log leads on. */
  base: number;
  #texts: string[] = [];
  #bytes = 0;

  constructor(base: number) {
    this.base = base;
  }

  get version(): number {
    return this.base + this.#texts.length;
  }

  covers(version: number): boolean {
    return version >= this.base && version <= this.version;
  }

  /** Adds the changes after `version`, and drops the oldest if they are too many. */
  append(changesJson: string): void {
    for (const change of JSON.parse(changesJson) as unknown[]) {
      const text = JSON.stringify(change);
      this.#texts.push(text);
      this.#bytes += text.length;
    }
    let dropped = 0;
    while (this.#texts.length - dropped > CHANGES_KEPT || this.#bytes > BYTES_KEPT) {
      this.#bytes -= this.#texts[dropped++]!.length;
    }
    if (dropped > 0) this.#texts = this.#texts.slice(dropped);
    this.base += dropped;
  }

  /** Returns the first changes after a version that it covers, as many as an answer may carry. */
  after(version: number): LogPart {
    const texts: string[] = [];
    let length = 0;
    for (let index = version - this.base; index < this.#texts.length; index++) {
      if (texts.length === CHANGES_PER_ANSWER || length > PAGE_BYTES_MAX) break;
      texts.push(this.#texts[index]!);
      length += texts.at(-1)!.length;
    }
    return {
      changesJson: `[${texts.join(',')}]`,
      count: texts.length,
      isPartial: version + texts.length < this.version,
    };
  }
}
