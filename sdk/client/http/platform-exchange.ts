/** The exchange that a client has if the application hands over none. */

import { exchangeByFetch, type Exchange } from './exchange.ts';
import { nodeExchange } from './node-exchange.ts';

/** The platform's `fetch`, called as a plain function: it refuses to be a method of something else. */
const byPlatformFetch = exchangeByFetch((url, init) => fetch(url, init));

/** How the platform exchanges best. What an application has put in the place of `fetch`, or behind it, is used. */
export const platformExchange: Exchange = async (url, init) => {
  const reply = nodeExchange === null ? null : await nodeExchange(url, init);
  return reply ?? (await byPlatformFetch(url, init));
};
