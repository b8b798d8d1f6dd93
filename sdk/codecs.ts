/** `posthorn/codecs`: inflates records that Kafka's clients have compressed with snappy, lz4 or zstd. */

import { inflateLz4, inflateSnappy } from '../protocol/record-batch/index.ts';
import type { Codec, Codecs } from './client/codecs.ts';

export type { Codec, Codecs } from './client/codecs.ts';

/** What Node, Deno and Bun have of zlib. */
interface Zlib {
  zstdDecompressSync?: (compressed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
}

/**
 * For the option `codecs` of a client. zstd is there if the platform has it in `node:zlib`: Node from 22.15, Deno and Bun, and not browsers.
 *
 * @example const posthorn = new Posthorn({ url, codecs });
 */
export const codecs: Codecs = { snappy: inflateSnappy, lz4: inflateLz4, ...zstdOfPlatform() };

function zstdOfPlatform(): { zstd?: Codec } {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const { zstdDecompressSync: inflate } = (process?.getBuiltinModule?.('node:zlib') ?? {}) as Zlib;
  if (inflate === undefined) return {};
  return {
    zstd: (compressed, bytesMax) => {
      try {
        return inflate(compressed, { maxOutputLength: bytesMax });
      } catch {
        return null; // corrupt, or larger than allowed
      }
    },
  };
}
