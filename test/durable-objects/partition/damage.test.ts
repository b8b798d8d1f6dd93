/** A partition with a damaged batch: it starts, serves everything else, and says what is damaged. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fetchedRecords, type JsonFetch } from '../../../workers/fetch/fetch-json.ts';
import { ProducedLog } from '../../../durable-objects/partition/log/produced-log.ts';
import { isStaleGroup } from '../../../durable-objects/rpc/share-groups.ts';
import { SharedLog } from '../../../durable-objects/partition/share/shared-log.ts';
import { Compactor } from '../../../durable-objects/storage/compactor.ts';
import { DamageNotes } from '../../../durable-objects/storage/damage-notes.ts';
import { SegmentLog } from '../../../durable-objects/storage/segment-log.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { shareGroupConfigSchema } from '../../../protocol/schemas/share-groups.ts';
import { append, textOf } from '../../support/batches.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

const inflate = (payload: Uint8Array): Uint8Array => gunzipSync(payload);
const codec = { inflate, deflate: (payload: Uint8Array): Uint8Array => gzipSync(payload) };

/** Where in the middle batch a bit flips: fields of its header, outside and inside its CRC, and its records. */
const PLACES = {
  baseOffset: 6,
  batchLength: 11,
  magic: 16,
  crc: 18,
  attributes: 22,
  lastOffsetDelta: 24,
  value: 70,
};

beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue(undefined));
afterEach(() => void vi.restoreAllMocks());

describe.each(Object.entries(PLACES))('a bit that has flipped in the %s of a stored batch', (_, place) => {
  /** Offsets 0-1, 2-3 (damaged), 4-5 in one row, then 6 in another. */
  function open() {
    const sql = new NodeSql();
    SegmentLog.createTables(sql);
    const first = new SegmentLog(sql);
    append(first, [
      { key: 'a', value: 'v0' },
      { key: 'a', value: 'v1' },
    ]);
    const { sizeBytes } = first;
    append(first, [
      { key: 'b', value: 'v2' },
      { key: 'c', value: 'v3' },
    ]);
    append(first, [
      { key: 'c', value: 'v4' },
      { key: 'd', value: 'v5' },
    ]);
    append(first, [{ key: 'e', value: 'x'.repeat(40_000) }]);
    const [row] = sql.all<{ data: Uint8Array }>('SELECT data FROM segments WHERE base_offset = 0');
    const data = row!.data.slice();
    data[sizeBytes + place]! ^= 1;
    sql.run('UPDATE segments SET data = ? WHERE base_offset = 0', data);
    const damage = new DamageNotes('test');
    const log = new SegmentLog(sql);
    const produced = new ProducedLog(sql, log, 1_000, damage);
    return { sql, log, produced, damage };
  }

  async function json(offset: number, given: Partial<JsonFetch> = {}) {
    const { log } = open();
    const read = log.read(offset, 1_000_000, 1_000);
    if (isFailure(read)) throw new Error(read.code);
    const batches = new Uint8Array(Buffer.concat(read.chunks));
    const { logStartOffset, highWatermark } = log.offsets;
    const { nextOffset } = read;
    const reported: number[] = [];
    const fetched = await fetchedRecords(
      {
        batches,
        startOffset: offset,
        nextOffset,
        logStartOffset,
        highWatermark,
        lastStableOffset: highWatermark,
      },
      {
        recordsMax: 1_000,
        bytesMax: 1_000_000,
        isolation: 'read_uncommitted',
        onCorrupt: 'fail',
        report: (range) => reported.push(range.offset, range.next_offset),
        ...given,
      },
    );
    return { fetched, reported };
  }

  it('is never read as truth: what is before it is answered, then an error that says where to go on', async () => {
    const start = await json(0);
    expect(start.fetched).toMatchObject({ nextOffset: 2, records: [{ offset: 0 }, { offset: 1 }] });
    expect(start.reported).toEqual([2, 4]);
    for (const offset of [2, 3]) {
      const { fetched } = await json(offset);
      expect(fetched).toMatchObject({ code: 'stored_batch_corrupt', details: { next_offset: 4 } });
    }
    expect((await json(4)).fetched).toMatchObject({
      nextOffset: 7,
      records: [{ offset: 4 }, { offset: 5 }, { offset: 6 }],
    });
    const skipped = (await json(0, { onCorrupt: 'skip' })).fetched;
    expect(skipped).toMatchObject({ nextOffset: 7, damaged: [{ offset: 2, next_offset: 4 }] });
    expect(isFailure(skipped) ? [] : skipped.records.map(({ offset }) => offset)).toEqual([0, 1, 4, 5, 6]);
  });

  it('is passed over by share groups, search by time and compaction, which leaves its bytes', () => {
    const { sql, log, produced, damage } = open();
    const shared = new SharedLog({
      sql,
      log,
      produced,
      topic: 't',
      topicId: 1,
      partition: 0,
      inflate,
      now: () => 1_000,
      damage,
    });
    const parsed = shareGroupConfigSchema.parse({ topics: ['t'] });
    const config = { ...parsed, dead_letter: 'none' as const };
    const group = { namespace: 'default', name: 'g', id: 1, version: 1, config };
    const acquired = shared.acquire({ group, memberId: 'm', recordsMax: 100, bytesMax: 1e6, lockMs: 1_000 });
    if (isStaleGroup(acquired)) throw new Error('stale');
    expect(acquired.acquired.flatMap(({ start, end }) => [start, end])).toEqual([0, 2, 4, 7]);
    expect(damage.count).toBe(1);
    expect(log.offsetForTimestamp(1_000, inflate)).toBe(0);
    const compactor = new Compactor(log, codec, produced, damage);
    const policy = { minCleanableDirtyRatio: 0, deleteRetentionMs: 0 };
    while (compactor.runSlice(policy, 10_000));
    const read = log.read(0, 1e6, 100);
    const text = isFailure(read) ? '' : read.chunks.map((chunk) => textOf(chunk)!).join('');
    expect(text).not.toContain('v0'); // superseded in its own batch
    expect(text).toContain('v1');
    expect(text).toContain('v3'); // of the damaged batch, unless that is the byte that has flipped
    expect(text).toContain('v4');
  });
});
