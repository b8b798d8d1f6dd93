/** Answer to a caller that knows an old definition. */

/** The caller's definition is out of date, or what it defines is gone: refresh, and try again once. */
export interface Stale {
  stale: true;
}

export const STALE: Stale = { stale: true };

export function isStale(result: unknown): result is Stale {
  return typeof result === 'object' && result !== null && 'stale' in result;
}

/** As the reply to a request of a socket. */
export const staleReply = (): Response => Response.json(STALE, { status: 422 });
