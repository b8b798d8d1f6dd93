/**
 * Credentials: where a request carries one.
 *
 *   Authorization: Bearer <credential>
 *   Authorization: Basic <base64 of anything:credential>   for tools that know nothing else
 *   ?access_token=<credential>                             streams only, which browsers open without headers
 */

import { ACCESS_TOKEN_PARAMETER } from '../../../protocol/access/token-format.ts';
import { calls } from '../../../protocol/operations/calls.ts';
import type { AppContext } from '../context.ts';

/** What browsers open without headers: nothing else takes a credential in its address, which logs may keep. */
const OPENED_BY_ADDRESS = Object.values(calls)
  .filter(({ isSocket }) => isSocket)
  .map(({ path }) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`));

/** Longer ones are refused unread. A JWT has 2 KB, seldom 4. */
const CREDENTIAL_LENGTH_MAX = 8_192;

/** Returns the credential; null if the request has none, and '' if what it has is no credential. */
export function credentialOf(c: AppContext): string | null {
  const header = c.req.header('authorization');
  if (header !== undefined) return fromHeader(header);
  if (!takesParameter(c)) return null;
  const given = new URL(c.req.url).searchParams.getAll(ACCESS_TOKEN_PARAMETER);
  if (given.length === 0) return null;
  return given.length === 1 && given[0]!.length <= CREDENTIAL_LENGTH_MAX ? given[0]! : '';
}

/** Returns true for what a browser can open only without headers of its own. */
export function takesParameter(c: AppContext): boolean {
  const { method, path } = c.req;
  if (method !== 'GET' || !OPENED_BY_ADDRESS.some((opened) => opened.test(path))) return false;
  if (c.req.header('upgrade')?.toLowerCase() === 'websocket') return true;
  return (c.req.header('accept') ?? '').includes('text/event-stream');
}

function fromHeader(header: string): string {
  if (header.length > 2 * CREDENTIAL_LENGTH_MAX) return '';
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value.length <= CREDENTIAL_LENGTH_MAX ? value : '';
  if (scheme.toLowerCase() !== 'basic') return '';
  try {
    const pair = atob(value);
    const password = pair.slice(pair.indexOf(':') + 1);
    return password.length <= CREDENTIAL_LENGTH_MAX ? password : '';
  } catch {
    return '';
  }
}
