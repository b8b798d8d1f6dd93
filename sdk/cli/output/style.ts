/** Style: colours for a terminal, and text that cannot steer it. */

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
}

const paint =
  (open: number, close: number) =>
  (text: string): string =>
    `\x1b[${open}m${text}\x1b[${close}m`;
const plain = (text: string): string => text;

export function styleFor(isColoured: boolean): Style {
  if (!isColoured) return { bold: plain, dim: plain, red: plain, green: plain };
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39) };
}

/** By the flag, else for a terminal that does not ask for none (https://no-color.org). */
export function isColoured(
  flag: boolean | undefined,
  isTerminal: boolean,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (flag !== undefined) return flag;
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

/** Controls, and what changes the direction of the text after it. */
// oxlint-disable-next-line no-control-regex
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * Writes control characters as escapes: what others have stored must not move a cursor or set a title, nor read as something else. JSON
 * stays the same JSON.
 */
export function harmless(text: string): string {
  return text.replace(
    HARMFUL,
    (character) => SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
