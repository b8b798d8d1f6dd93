/**
 * The bucket of a run, as one caller reaches it. Requests take time, get lost, arrive twice, and arrive after the caller is no
 * more. As in R2 a request is done as a whole or not at all, and everybody sees it from then on.
 */

import type { MemoryBucket } from '../../support/broker/memory-bucket.ts';
import type { Caller, Network } from './network.ts';

const METHODS = ['put', 'head', 'get', 'list', 'delete'] as const;

export function bucketFor(caller: Caller, network: Network, bucket: MemoryBucket): object {
  return Object.fromEntries(
    METHODS.map((method) => [
      method,
      (...args: never[]) =>
        network.call({ caller, label: `bucket ${method} ${keyIn(args)}`, mayRepeat: true }, () =>
          (bucket[method] as (...args: never[]) => Promise<unknown>).call(bucket, ...args),
        ),
    ]),
  );
}

function keyIn([first]: readonly unknown[]): string {
  return typeof first === 'string' ? first : JSON.stringify(first);
}
