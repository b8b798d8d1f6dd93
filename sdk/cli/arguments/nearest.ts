/** Nearest: the word that somebody meant who has mistyped one. */

/** Returns the candidate with the fewest edits to the word, if these are few for its length. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestEdits = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = isBeginning(word, candidate) ? 1 : editsBetween(word, candidate);
    if (edits >= bestEdits) continue;
    best = candidate;
    bestEdits = edits;
  }
  return best;
}

/** Returns the sentence that suggests it, or an empty text. */
export function suggestion(word: string, candidates: Iterable<string>, prefix = ''): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `. Did you mean ${prefix}${found}?`;
}

function isBeginning(word: string, candidate: string): boolean {
  return word.length >= 3 && candidate.startsWith(word);
}

/** Insertions, deletions, replacements, and swaps of neighbours (Damerau-Levenshtein, optimal alignment). */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        edits = Math.min(edits, before[column - 2]! + 1);
      }
      current.push(edits);
    }
    before = last;
    last = current;
  }
  return last[b.length]!;
}
