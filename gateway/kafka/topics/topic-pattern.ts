/**
 * Topic pattern: which topics a member reads by a regular expression of the broker (KIP-848). It is RE2's syntax, as with Kafka, and
 * matches whole names. RE2 does not backtrack: a match takes time by the length of the name and the size of the expression, which
 * is bounded.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { RE2JS } from 're2js';

/** Characters of an expression, and instructions of what it is compiled to: repetitions count as often as they may occur. */
export const PATTERN_LENGTH_MAX = 1_000;
export const PATTERN_SIZE_MAX = 2_000;

/** Names that are matched before others have their turn. The slowest expression takes some ms for each. */
const NAMES_AT_ONCE = 16;

export class TopicPattern {
  readonly text: string;
  readonly #compiled: RE2JS;
  /** Names that were looked at, of those that are there. */
  #known: ReadonlyMap<string, boolean> = new Map();

  private constructor(text: string, compiled: RE2JS) {
    this.text = text;
    this.#compiled = compiled;
  }

  /** Returns why it is refused, as a text. */
  static compile(text: string): TopicPattern | string {
    if (text.length > PATTERN_LENGTH_MAX) {
      return `the regular expression has ${text.length} characters; ${PATTERN_LENGTH_MAX} are the most`;
    }
    try {
      const compiled = RE2JS.compile(text);
      const size = compiled.programSize();
      if (size <= PATTERN_SIZE_MAX) return new TopicPattern(text, compiled);
      return `the regular expression needs ${size} instructions; ${PATTERN_SIZE_MAX} are the most`;
    } catch (error) {
      return `the regular expression is not one of RE2: ${(error as Error).message}`;
    }
  }

  /** Those of the names that it matches. */
  async matched(names: readonly string[]): Promise<string[]> {
    const known = new Map<string, boolean>();
    let looked = 0;
    for (const name of names) {
      const before = this.#known.get(name);
      if (before === undefined && ++looked % NAMES_AT_ONCE === 0) await nextTurn();
      known.set(name, before ?? this.#compiled.matches(name));
    }
    this.#known = known;
    return names.filter((name) => known.get(name));
  }
}
