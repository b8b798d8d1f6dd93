/** The world outside of the broker, as its objects call it by `fetch`, and the life of an object in which code runs just now. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, createHmac } from 'node:crypto';
import type { SimResponse } from './http.ts';
import type { Caller, Network } from './network.ts';

/** Globals belong to a machine: this says which of its objects calls. */
export const currentLife = new AsyncLocalStorage<Caller>();

export interface OutsideRequest {
  method?: string;
  headers?: HeadersInit;
  body?: Uint8Array | string;
  signal?: AbortSignal;
}

/** Answers a request; one that is never settled is a server that says nothing. */
export type Outside = (url: string, request: OutsideRequest) => Promise<SimResponse>;

/** A call leaves when what its object has written is durable. Nothing comes back to an object that is no more. */
export function fetchFrom(
  caller: Caller,
  network: Network,
  outside: Outside,
  url: string,
  request: OutsideRequest = {},
): Promise<SimResponse> {
  const { signal } = request;
  return new Promise((resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error));
    const options = { caller, label: `fetch ${url}`, mayRepeat: false };
    network.call(options, () => outside(url, request)).then(resolve, reject);
  });
}

interface SimKey {
  bytes: Uint8Array;
}

/** Of Web Crypto what is asked of it. The platform's own answers at a time that is not ours. */
export const simSubtle = {
  importKey: (_format: string, bytes: Uint8Array): Promise<SimKey> => Promise.resolve({ bytes }),
  sign: (_algorithm: unknown, { bytes }: SimKey, content: Uint8Array): Promise<Uint8Array> =>
    Promise.resolve(new Uint8Array(createHmac('sha256', bytes).update(content).digest())),
  digest: (_algorithm: string, content: Uint8Array): Promise<Uint8Array> =>
    Promise.resolve(new Uint8Array(createHash('sha256').update(content).digest())),
};
