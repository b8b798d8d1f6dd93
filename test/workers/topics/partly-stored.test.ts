/** A produce request to several partitions of which some refuse: the answer says what is stored where. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORD_BATCH_TYPE } from '../../../protocol/headers/media-types.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import { encodeBatch } from '../../../protocol/record-batch/index.ts';
import {
  partlyStoredSchema,
  type PartlyStored,
  type ProduceBatchesReply,
} from '../../../protocol/schemas/records.ts';
import type { ProducerReply } from '../../../protocol/schemas/producers.ts';
import { bytesOf } from '../../support/batches.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

type Partly = ProblemDocument & PartlyStored;

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const values = async (topic: string, partition: number): Promise<unknown[]> =>
  (await broker.fetch(topic, partition)).body.records.map(({ value }) => value);

describe('record batches of a producer', () => {
  let producer: ProducerReply;
  beforeAll(async () => {
    producer = (await broker.call<ProducerReply>('POST', '/v1/default/producers')).body;
  });

  async function send<Body>(topic: string, sequences: number[]): Promise<{ status: number; body: Body }> {
    const batches = sequences.map((baseSequence, partition) =>
      encodeBatch([{ key: null, value: bytesOf(String(partition)), timestamp: 1_000 }], {
        producerId: producer.id,
        producerEpoch: producer.epoch,
        baseSequence,
      }),
    );
    const partitions = sequences.map((_, partition) => partition).join(',');
    const response = await fetch(
      `${broker.url}/v1/default/topics/${topic}/records?partitions=${partitions}`,
      {
        method: 'POST',
        headers: { 'content-type': RECORD_BATCH_TYPE },
        body: Buffer.concat(batches),
      },
    );
    return { status: response.status, body: (await response.json()) as Body };
  }

  it('are answered partly_stored with a reason for each partition that refuses', async () => {
    await broker.declare('reasons', { partitions: 4, timestamp_type: 'append' });
    const { status, body } = await send<Partly>('reasons', [0, 7, 0, 7]);
    expect({ status, body }).toMatchObject({
      status: 409,
      body: {
        code: 'partly_stored',
        status: 409,
        retryable: false,
        stored: [
          { partition: 0, base_offset: 0, record_count: 1 },
          { partition: 2, base_offset: 0, record_count: 1 },
        ],
        failed: [
          { partition: 1, code: 'unknown_producer', retryable: false },
          { partition: 3, code: 'unknown_producer', retryable: false },
        ],
      },
    });
    expect(partlyStoredSchema.parse(body).stored).toHaveLength(2);
    expect(await Promise.all([0, 1, 2, 3].map((partition) => values('reasons', partition)))).toEqual([
      [0],
      [],
      [2],
      [],
    ]);
  });

  it('are stored once when all of them are sent again', async () => {
    await broker.declare('again', { partitions: 2 });
    expect((await send<Partly>('again', [0, 7])).body.code).toBe('partly_stored');
    const { status, body } = await send<ProduceBatchesReply>('again', [0, 0]);
    expect(status).toBe(200);
    expect(body.batches.map(({ base_offset }) => base_offset)).toEqual([0, 0]);
    expect([await values('again', 0), await values('again', 1)]).toEqual([[0], [1]]);
  });

  it('are refused with the reason itself if no partition has stored anything', async () => {
    await broker.declare('none', { partitions: 2 });
    const { status, body } = await send<ProblemDocument>('none', [7, 7]);
    expect({ status, body }).toMatchObject({
      status: 409,
      body: { code: 'unknown_producer', partition: 0 },
    });
    expect(body).not.toHaveProperty('stored');
  });
});

describe('records as JSON', () => {
  it('are answered partly_stored with the offset of each record that is stored', async () => {
    await broker.declare('costly', { partitions: 2 });
    const produce = (...partitions: number[]) =>
      broker.call<Partly>('POST', '/v1/default/topics/costly/records', {
        records: partitions.map((partition, value) => ({ partition, value })),
      });
    await broker.call('PUT', '/v1/default/limits', { rows_written_per_hour: 1 });
    // Partition 0 hears of the ceiling by writing; partition 1 has written nothing yet.
    let writes = 0;
    while ((await produce(0)).status === 200) writes += 1;
    const { status, body } = await produce(0, 1, 0, 1);
    await broker.call('PUT', '/v1/default/limits', { rows_written_per_hour: null });
    expect({ status, body }).toMatchObject({
      status: 409,
      body: {
        code: 'partly_stored',
        stored: [{ partition: 1, base_offset: 0, record_count: 2 }],
        failed: [{ partition: 0, code: 'cost_ceiling', retryable: true }],
        offsets: [null, { partition: 1, offset: 0 }, null, { partition: 1, offset: 1 }],
      },
    });
    expect(partlyStoredSchema.parse(body).failed).toHaveLength(1);
    expect(await values('costly', 0)).toHaveLength(writes);
    expect(await values('costly', 1)).toEqual([1, 3]);
  });
});
