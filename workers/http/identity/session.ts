/**
 * Session of the dashboard: the cookie that holds a token for the page of the broker.
 *
 * Scripts cannot read it, and no request of another page counts with it: browsers send `Sec-Fetch-Site`, which pages
 * cannot change, and only `same-origin` makes the cookie a credential. It ends with the browser, or when the token does.
 */

import type { AppContext } from '../context.ts';

export const SESSION_PATH = '/dashboard/session';

/** Of https: browsers take it only for this host, with `Secure`. */
const SECURE_NAME = '__Host-posthorn';
const NAME = 'posthorn';

/** Returns the token of the session, if the request comes from the broker's own page; null if there is none. */
export function sessionToken(c: AppContext): string | null {
  if (!isOwnPage(c)) return null;
  const value = cookieOf(c.req.header('cookie') ?? '', nameFor(c));
  if (value === null) return null;
  try {
    return decodeURIComponent(value);
  } catch {
    return '';
  }
}

export function isOwnPage(c: AppContext): boolean {
  return c.req.header('sec-fetch-site') === 'same-origin';
}

export function setSession(c: AppContext, token: string): void {
  c.header('set-cookie', cookie(c, encodeURIComponent(token)));
}

export function clearSession(c: AppContext): void {
  c.header('set-cookie', `${cookie(c, '')}; Max-Age=0`);
}

function cookie(c: AppContext, value: string): string {
  const secure = isHttps(c) ? '; Secure' : '';
  return `${nameFor(c)}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}`;
}

function nameFor(c: AppContext): string {
  return isHttps(c) ? SECURE_NAME : NAME;
}

function isHttps(c: AppContext): boolean {
  return new URL(c.req.url).protocol === 'https:';
}

function cookieOf(header: string, name: string): string | null {
  for (const part of header.split(';')) {
    const [key, ...rest] = part.trim().split('=');
    if (key === name && rest.length > 0) return rest.join('=');
  }
  return null;
}
