/** Traced handlers of a group consumer: each record, or each batch, is handled within a span. */

import type { Source, Tracing } from '../../client/tracing.ts';
import type { GroupBatch, GroupRecord } from '../group-record.ts';
import type { GroupConsumerConfig } from '../options.ts';

type Handler<Unit> = (unit: Unit, ...more: unknown[]) => unknown;

export function tracedHandlers(
  config: GroupConsumerConfig,
  tracing: Tracing | undefined,
): GroupConsumerConfig {
  if (tracing === undefined) return config;
  const from = ({ topic, partition }: GroupRecord | GroupBatch): Source => ({
    name: topic,
    group: config.group,
    partition,
  });
  const { eachRecord, eachBatch } = config as {
    eachRecord?: Handler<GroupRecord>;
    eachBatch?: Handler<GroupBatch>;
  };
  return {
    ...config,
    ...(eachRecord && {
      eachRecord: (record: GroupRecord, ...more: unknown[]) =>
        tracing.handle(from(record), [record], () => eachRecord(record, ...more)),
    }),
    ...(eachBatch && {
      eachBatch: (batch: GroupBatch, ...more: unknown[]) =>
        batch.records.length === 0
          ? eachBatch(batch, ...more)
          : tracing.handle(from(batch), batch.records, () => eachBatch(batch, ...more)),
    }),
  } as GroupConsumerConfig;
}
