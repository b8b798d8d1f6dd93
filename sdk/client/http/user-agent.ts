/** The `user-agent` of the SDK's requests. */

import { VERSION } from '../../../protocol/version.ts';

const USER_AGENT = `posthorn-sdk/${VERSION}`;

/**
 * Adds the user agent to the headers of a request, unless the application has named one.
 *
 * Not in browsers: some do not allow it, and a custom header makes a cross-origin request need a preflight.
 */
export function withUserAgent(headers: Record<string, string>): Record<string, string> {
  if (isBrowser() || Object.keys(headers).some((name) => name.toLowerCase() === 'user-agent')) return headers;
  return { 'user-agent': USER_AGENT, ...headers };
}

/** Every browser calls itself Mozilla; Node, Deno, Bun and Workers use names of their own, or none. */
export function isBrowser(): boolean {
  const { navigator } = globalThis as { navigator?: { userAgent?: string } };
  return navigator?.userAgent?.startsWith('Mozilla/') ?? false;
}
