/** Headers as flags give them: `--header name=value`, more than once. */

import { usage } from '../failure.ts';

export const HEADER_FLAG = {
  name: 'header',
  short: 'H',
  kind: 'text',
  isMany: true,
  about: 'A header, as name=value. May be given more than once',
} as const;

export function headersOf(given: readonly string[] | undefined): Record<string, string[]> | undefined {
  if (given === undefined) return undefined;
  const headers = new Map<string, string[]>();
  for (const header of given) {
    const [, name, value] = /^([^=]+)=([^]*)$/.exec(header) ?? [];
    if (name === undefined || value === undefined) throw usage(`--header is name=value; got "${header}"`);
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return Object.fromEntries(headers);
}
