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

/** Writes control characters as escapes: what others have stored must not move a cursor or set a title. */
export function harmless(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const known: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return known[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
