/** The codec inside workerd, for workerd.test.ts: answers what it found as JSON. */

import {
  BATCH_OVERHEAD,
  decodeOpen,
  encodeBatch,
  gzipBatch,
  isBatchFailure,
  openSoundBatch,
  verifyOpen,
} from '../../../../protocol/record-batch/index.ts';

export interface Findings {
  /** Of the batch in the request, which Node compressed. */
  given: { code: string; values: number };
  /** A batch encoded, compressed, verified and read here. */
  own: { code: string; values: number; sameAfterGunzip: boolean };
}

export default {
  async fetch(request: Request): Promise<Response> {
    const given = new Uint8Array(await request.arrayBuffer());
    const batch = encodeBatch(
      Array.from({ length: 1000 }, (_, i) => ({
        key: null,
        value: new Uint8Array(100).fill(i),
        timestamp: i,
      })),
    );
    const zipped = await gzipBatch(batch);
    const back = await openSoundBatch(zipped, 0);
    const findings: Findings = {
      given: await read(given),
      own: {
        ...(await read(zipped)),
        sameAfterGunzip:
          !isBatchFailure(back) &&
          verifyOpen(back) === null &&
          back.bytes.every((byte, i) => byte === batch[BATCH_OVERHEAD + i]) &&
          back.bytes.length === batch.length - BATCH_OVERHEAD,
      },
    };
    return Response.json(findings);
  },
};

async function read(bytes: Uint8Array): Promise<{ code: string; values: number }> {
  const batch = await openSoundBatch(bytes, 0);
  if (isBatchFailure(batch)) return { code: batch.code, values: 0 };
  const records = verifyOpen(batch) ?? decodeOpen(batch);
  if (isBatchFailure(records)) return { code: records.code, values: 0 };
  return { code: 'ok', values: records.filter((record) => record.value !== null).length };
}
