/** The codec needs nothing of Node: here it runs in workerd, whose streams and TextDecoder are others than Node's. */

import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch, gzipBatch } from '../../../protocol/record-batch/index.ts';
import { concat, dataView, fixCrc, utf8 } from './support/helpers.ts';
import type { Findings } from './support/workerd-worker.ts';

const MIB = 1024 * 1024;
const small = encodeBatch([
  { key: utf8('a'), value: utf8('1'), timestamp: 1 },
  { key: null, value: null, timestamp: 2 },
]);

function withPayload(payload: Uint8Array): Uint8Array {
  const batch = concat(small.subarray(0, 61), payload);
  dataView(batch).setInt32(8, batch.length - 12);
  dataView(batch).setInt16(21, 1);
  fixCrc(batch);
  return batch;
}

describe('in workerd', () => {
  let miniflare: Miniflare;

  beforeAll(async () => {
    const bundle = await build({
      entryPoints: [join(import.meta.dirname, 'support/workerd-worker.ts')],
      bundle: true,
      format: 'esm',
      write: false,
    });
    miniflare = new Miniflare({
      modules: true,
      script: bundle.outputFiles[0]!.text,
      compatibilityDate: '2026-07-01',
    });
    await miniflare.ready;
  });
  afterAll(() => miniflare.dispose());

  async function find(body: Uint8Array): Promise<Findings> {
    const response = await miniflare.dispatchFetch('http://codec/', { method: 'POST', body });
    return (await response.json()) as Findings;
  }

  it('compresses, verifies and reads', async () => {
    expect(await find(await gzipBatch(small))).toEqual({
      given: { code: 'ok', values: 1 },
      own: { code: 'ok', values: 1000, sameAfterGunzip: true },
    });
  });

  it.each<[string, Uint8Array]>([
    ['a decompression bomb', withPayload(gzipSync(Buffer.alloc(200 * MIB)))],
    ['a payload that is not gzip', withPayload(utf8('not gzip at all'))],
    ['a payload cut short', withPayload(gzipSync(small.subarray(61)).subarray(0, -9))],
    ['no payload', withPayload(new Uint8Array(0))],
  ])('refuses %s and works on', async (_, batch) => {
    for (let i = 0; i < 5; i++) {
      expect(await find(batch)).toEqual({
        given: { code: 'invalid_batch', values: 0 },
        own: { code: 'ok', values: 1000, sameAfterGunzip: true },
      });
    }
  });
});
