/** Share groups whose members read stored batches and acknowledge ranges of offsets, as the Kafka gateway does. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeAcquiredFrame, type AcquiredFrame } from '../../../protocol/frames/acquired-frame.ts';
import { ACQUIRED_RECORDS_TYPE } from '../../../protocol/headers/media-types.ts';
import type { ResetReply } from '../../../protocol/schemas/groups.ts';
import { splitBatches } from '../../../protocol/record-batch/index.ts';
import type { AcknowledgedReply, SharePartition } from '../../../protocol/schemas/share-groups.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const pathOf = (name: string): string => `/v1/default/share-groups/${name}`;

/** A topic and a share group of one name. */
async function start(name: string, count: number, config: object, topic: object): Promise<string> {
  await broker.declare(name, topic);
  const records = Array.from({ length: count }, (_, nth) => ({ value: nth, partition: 0 }));
  await broker.produce(name, records);
  expect((await broker.call('PUT', pathOf(name), { topics: [name], ...config })).status).toBe(201);
  return name;
}

async function partitionsOf(name: string): Promise<SharePartition[]> {
  return (await broker.call<{ partitions: SharePartition[] }>('GET', pathOf(name))).body.partitions;
}

describe('a share group whose members read bytes', () => {
  const acknowledge = async (share: string, partitions: object[], member = 'm'): Promise<unknown> => {
    const path = `${pathOf(share)}/acknowledgements`;
    const { body } = await broker.call<AcknowledgedReply>('POST', path, { member_id: member, partitions });
    return body.partitions?.map(({ outcome }) => outcome);
  };

  const acquire = async (share: string, fields: object): Promise<AcquiredFrame> => {
    const response = await fetch(`${broker.url}${pathOf(share)}/records`, {
      method: 'POST',
      body: JSON.stringify({ member_id: 'm', ...fields }),
      headers: { 'content-type': 'application/json', accept: ACQUIRED_RECORDS_TYPE },
    });
    expect(response.headers.get('content-type')).toBe(ACQUIRED_RECORDS_TYPE);
    return decodeAcquiredFrame(new Uint8Array(await response.arrayBuffer()));
  };

  it('hands out stored batches of the named partitions, and takes ranges, all or none', async () => {
    const share = await start('by-range', 10, { dead_letter: 'none' }, { partitions: 2 });
    await broker.produce('by-range', [{ value: 'other', partition: 1 }]);
    const partitions = [{ topic: 'by-range', partition: 0 }];
    const { lock_duration_ms: lockMs, sections } = await acquire(share, { max_records: 6, partitions });
    expect(lockMs).toBe(30_000);
    expect(sections).toMatchObject([{ topic: 'by-range', partition: 0, acquired: [[0, 6, 1]] }]);
    expect(splitBatches(sections[0]!.batches)).toMatchObject([
      { header: { baseOffset: 0, recordCount: 10 } },
    ]);
    const of = (...ranges: [string, number, number][]): object => ({
      ...partitions[0],
      ranges: ranges.map(([kind, start, end]) => ({ kind, start_offset: start, end_offset: end })),
    });
    expect(await acknowledge(share, [of(['accept', 0, 7])])).toEqual(['unknown_record']);
    expect(await acknowledge(share, [of(['accept', 0, 2])], 'another')).toEqual(['not_yours']);
    expect(await acknowledge(share, [of(['accept', 0, 2], ['release', 2, 3], ['reject', 3, 4])])).toEqual([
      'acknowledged',
    ]);
    expect((await partitionsOf(share))[0]).toMatchObject({
      start_offset: 2,
      in_flight: 2,
      available: 1,
      archived: 1,
    });
    expect(await acknowledge(share, [{ ...partitions[0], release_held: true }])).toEqual(['acknowledged']);
    expect((await partitionsOf(share))[0]).toMatchObject({ in_flight: 0, available: 3 });
    const elsewhere = { ...of(['accept', 0, 1]), partition: 7 };
    expect(await acknowledge(share, [of(['accept', 0, 1]), elsewhere])).toEqual([
      'acknowledged',
      'unknown_record',
    ]);
  });

  it('has each partition once, however often it was asked', async () => {
    const share = await start('in-rounds', 3, {}, { partitions: 3 });
    for (let nth = 0; nth < 5; nth++) {
      const records = Array.from({ length: 10 }, () => ({ value: nth, partition: 1 }));
      await broker.produce('in-rounds', records);
    }
    const { sections } = await acquire(share, { max_records: 45 });
    expect(new Set(sections.map(({ partition }) => partition)).size).toBe(sections.length);
    const one = sections.find(({ partition }) => partition === 1)!;
    const batches = splitBatches(one.batches);
    if ('code' in batches) throw new Error(batches.message);
    const bases = batches.map(({ header }) => header.baseOffset);
    expect(bases).toEqual([...new Set(bases)].toSorted((a, b) => a - b));
    const taken = one.acquired.reduce((sum, [first, end]) => sum + end - first, 0);
    expect(taken).toBe(42);
  });

  it('may read nothing yet', async () => {
    expect((await broker.call('PUT', pathOf('of-nothing'), { topics: [] })).status).toBe(201);
    expect((await acquire('of-nothing', {})).sections).toEqual([]);
  });

  it('is refused partitions that it does not read, and ranges of nobody', async () => {
    await start('strict-bytes', 1, {}, {});
    for (const [expected, method, path, body] of [
      [
        [404, 'partition_not_found'],
        'POST',
        `${pathOf('strict-bytes')}/records`,
        { member_id: 'a', partitions: [{ topic: 'strict-bytes', partition: 9 }] },
      ],
      [
        [409, 'inconsistent_topic_id'],
        'POST',
        `${pathOf('strict-bytes')}/records`,
        { member_id: 'a', partitions: [{ topic: 'strict-bytes', topic_id: 999_999, partition: 0 }] },
      ],
      [
        [400, 'invalid_field'],
        'POST',
        `${pathOf('strict-bytes')}/acknowledgements`,
        { partitions: [{ topic: 'strict-bytes', partition: 0, release_held: true }] },
      ],
    ] as const) {
      const reply = await broker.call<{ code: string }>(method, path, body);
      expect([body, reply.status, reply.body.code]).toEqual([body, ...expected]);
    }
  });

  it('goes on where a reset says, and begins anew after one to none', async () => {
    const share = await start('reset-share', 10, { dead_letter: 'none' }, {});
    const reset = async (fields: object): Promise<unknown> => {
      const path = `${pathOf(share)}/offsets`;
      const { body } = await broker.call<ResetReply>('PUT', path, { topic: share, ...fields });
      return body.offsets.map(({ from, to }) => [from, to]);
    };
    const taken = async (): Promise<unknown> => (await acquire(share, {})).sections[0]?.acquired;
    expect(await reset({ to: 4, dry_run: true })).toEqual([[null, 4]]);
    expect(await taken()).toEqual([[0, 10, 1]]);
    expect(await reset({ to: 4 })).toEqual([[0, 4]]);
    expect(await acknowledge(share, [{ topic: share, partition: 0, ranges: [] }])).toEqual(['acknowledged']);
    expect(await taken()).toEqual([[4, 10, 1]]);
    expect(await reset({ to: 'latest' })).toEqual([[4, 10]]);
    expect(await taken()).toBeUndefined();
    expect(await reset({ to: 99 })).toEqual([[10, 10]]);
    expect(await reset({ to: '@0' })).toEqual([[10, 0]]);
    expect(await reset({ to: 'none' })).toEqual([[0, null]]);
    expect(await reset({ to: 'none' })).toEqual([[null, null]]);
    expect(await taken()).toEqual([[0, 10, 1]]);
    for (const [fields, expected] of [
      [{ topic: 'nowhere', to: 1 }, [404, 'partition_not_found']],
      [{ topic: share, to: 1, partitions: [3] }, [404, 'partition_not_found']],
      [{ topic: share, to: 1, topic_id: 999_999 }, [409, 'inconsistent_topic_id']],
      [{ topic: share, to: 'soon' }, [400, 'invalid_field']],
    ] as const) {
      const reply = await broker.call<{ code: string }>('PUT', `${pathOf(share)}/offsets`, fields);
      expect([reply.status, reply.body.code]).toEqual(expected);
    }
  });
});
