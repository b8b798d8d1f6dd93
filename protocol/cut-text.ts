/** Text that is too long to keep, cut with a note that says so. */

/**
 * At most `max` characters, of which the last are the note if the text was longer. Half of a surrogate pair becomes U+FFFD:
 * no UTF-8 can hold it, and what is cut is for people.
 */
export function cutText(given: string, max: number): string {
  const text = given.toWellFormed();
  if (text.length <= max) return text;
  const note = `... (cut: ${text.length} characters)`;
  const end = Math.max(0, max - note.length);
  return text.slice(0, isHighSurrogate(text, end - 1) ? end - 1 : end) + note;
}

/** A pair is not cut in two: half of one has no UTF-8. */
function isHighSurrogate(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}
