/** Record batches for requests, whole and broken. */

import { encodeBatch, gzipBatch } from '../../protocol/record-batch/index.ts';
import type { Random } from '../crash/random.ts';
import { pick } from './schema-values.ts';

/** One or more batches; with spite some bytes are others, some are missing, and lengths lie. */
export async function drawBatches(random: Random, spite: number): Promise<Uint8Array> {
  const now = Date.now();
  const drawn = Array.from({ length: 1 + Math.floor(random() * 3) }, async () => {
    const records = Array.from({ length: 1 + Math.floor(random() * 5) }, () => ({
      key: random() < 0.5 ? null : randomBytes(random, 8),
      value: random() < 0.1 ? null : randomBytes(random, 60),
      timestamp: pick(random, [now, now, now, 0, -1, now + 10 ** 9]),
      headers:
        random() < 0.3
          ? [
              {
                key: pick(random, ['a', ':priority', ':delay-ms', ':unknown']),
                value: randomBytes(random, 5),
              },
            ]
          : [],
    }));
    const isGzip = random() < 0.2;
    const batch = encodeBatch(records);
    return isGzip ? await gzipBatch(batch) : batch;
  });
  const bytes = new Uint8Array(Buffer.concat(await Promise.all(drawn)));
  if (random() >= spite * 2) return bytes;
  for (let count = Math.floor(random() * 4); count >= 0; count--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.slice(0, Math.floor(random() * bytes.length)) : bytes;
}

function randomBytes(random: Random, most: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 256));
}
