/** Record batches for requests, whole and broken. */

import { encodeBatch, gzipBatch } from '../../../protocol/record-batch/index.ts';
import type { Random } from '../../crash/random.ts';
import { pick } from '../values/schema-values.ts';

/** Of a gzip batch, in bytes: within what one may inflate to, and above it. */
const LARGE = [2 << 20, 6 << 20, 9 << 20];

/** Sent as some kilobytes. */
async function drawLarge(random: Random): Promise<Uint8Array> {
  const bytes = pick(random, LARGE);
  const value = new Uint8Array(500_000);
  const records = Array.from({ length: Math.ceil(bytes / value.length) }, () => ({
    key: null,
    value,
    timestamp: Date.now(),
    headers: [],
  }));
  const batch = await gzipBatch(encodeBatch(records));
  // Some are more than one request may inflate.
  const count = random() < 0.1 ? 12 : 1;
  return new Uint8Array(Buffer.concat(Array.from({ length: count }, () => batch)));
}

/** One or more batches; with spite some bytes are others, some are missing, and lengths lie. */
export async function drawBatches(random: Random, spite: number): Promise<Uint8Array> {
  if (random() < 0.04) return drawLarge(random);
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
  if (random() < 0.3) {
    bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
    return bytes;
  }
  for (let count = Math.floor(random() * 4); count >= 0; count--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.slice(0, Math.floor(random() * bytes.length)) : bytes;
}

function randomBytes(random: Random, most: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 256));
}
