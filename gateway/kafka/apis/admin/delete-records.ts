/** DeleteRecords: raises the start of partitions. */

import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { Handler } from '../../session.ts';

interface DeleteRecordsRequest {
  topics: { name: string; partitions: { partitionIndex: number; offset: number }[] }[];
}

/** The end of the partition. */
const HIGH_WATERMARK = -1;

export const deleteRecords: Handler<DeleteRecordsRequest> = async ({ client }, { topics }) => ({
  topics: await Promise.all(
    topics.map(async ({ name, partitions }) => ({
      name,
      partitions: await Promise.all(
        partitions.map(async ({ partitionIndex, offset }) => {
          if (offset < HIGH_WATERMARK)
            return { partitionIndex, lowWatermark: -1, errorCode: ERRORS.OFFSET_OUT_OF_RANGE };
          try {
            const before = offset === HIGH_WATERMARK ? 'latest' : offset;
            const { logStartOffset } = await client.topics.deleteRecords(name, partitionIndex, { before });
            return { partitionIndex, lowWatermark: logStartOffset, errorCode: ERRORS.NONE };
          } catch (error) {
            return { partitionIndex, lowWatermark: -1, errorCode: failureOf(error, 'topic').errorCode };
          }
        }),
      ),
    })),
  ),
});
