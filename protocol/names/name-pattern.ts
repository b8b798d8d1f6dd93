/** Name patterns: globs for whole names, as policies, alerts and groups have them. `*`: any characters, `?`: any one. */

/** Matches a glob with two pointers. After a mismatch it goes back to the last star only, so the worst time is the product of the lengths. */
export function matchesPattern(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (n < name.length) {
    if (pattern[p] === '*') {
      starAt = p++;
      resumeAt = n;
    } else if (pattern[p] === '?') {
      p++;
      n += widthAt(name, n);
    } else if (p < pattern.length && pattern[p] === name[n]) {
      p++;
      n++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      n = resumeAt += widthAt(name, resumeAt);
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Of the character there, in units of UTF-16. */
const widthAt = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1);
