/** Exchange: one request and its whole reply, by whatever the platform has for it. */

/** The part of `fetch` that the SDK uses. Any implementation of the standard fits, also that of a service binding. */
export type FetchFunction = (url: string, init: RequestInit) => Promise<Response>;

export interface ExchangeInit {
  method: string;
  headers: Record<string, string>;
  body: Uint8Array | string | undefined;
  signal: AbortSignal;
}

export interface Reply {
  status: number;
  headers: { get: (name: string) => string | null };
  bytes: Uint8Array;
}

export type Exchange = (url: string, init: ExchangeInit) => Promise<Reply>;

export function exchangeByFetch(fetch: FetchFunction): Exchange {
  return async (url, { body, ...request }) => {
    const init: RequestInit = request;
    if (body !== undefined) init.body = body as Uint8Array<ArrayBuffer>;
    const response = await fetch(url, init);
    const { status, headers } = response;
    return { status, headers, bytes: new Uint8Array(await response.arrayBuffer()) };
  };
}
