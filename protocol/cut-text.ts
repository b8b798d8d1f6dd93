/** Text that is too long to keep, cut with a note that says so. */

/** At most `max` characters, of which the last are the note where the text was longer. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const note = `... (cut: ${text.length} characters)`;
  return text.slice(0, Math.max(0, max - note.length)) + note;
}
