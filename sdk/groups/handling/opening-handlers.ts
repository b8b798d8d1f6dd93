/** Opening handlers of a group consumer: the bodies of records that carry a claim are there when the handler begins. */

import { openBody } from '../../claims/open-body.ts';
import type { Transport } from '../../client/transport.ts';
import type { GroupBatch, GroupRecord } from '../group-record.ts';
import type { GroupConsumerConfig } from '../options.ts';

type Handler<Unit> = (unit: Unit, ...more: unknown[]) => unknown;

export function openingHandlers(config: GroupConsumerConfig, transport: Transport): GroupConsumerConfig {
  if (config.bodies === 'claim') return config;
  const { eachRecord, eachBatch, signal } = config as Omit<
    GroupConsumerConfig,
    'eachRecord' | 'eachBatch'
  > & {
    eachRecord?: Handler<GroupRecord>;
    eachBatch?: Handler<GroupBatch>;
  };
  const open = async (records: readonly GroupRecord[]): Promise<void> => {
    for (const record of records) await openBody(transport, record, 'value', signal);
  };
  return {
    ...config,
    ...(eachRecord && {
      eachRecord: (record: GroupRecord, ...more: unknown[]) =>
        record.claim === undefined
          ? eachRecord(record, ...more)
          : open([record]).then(() => eachRecord(record, ...more)),
    }),
    ...(eachBatch && {
      eachBatch: (batch: GroupBatch, ...more: unknown[]) =>
        batch.records.some(({ claim }) => claim !== undefined)
          ? open(batch.records).then(() => eachBatch(batch, ...more))
          : eachBatch(batch, ...more),
    }),
  } as GroupConsumerConfig;
}
