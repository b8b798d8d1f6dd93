/** DescribeLogDirs: how many bytes partitions store. The one broker has one directory, which is a name and no place. */

import { ERRORS } from '../../../../wire/kafka/error-codes.ts';
import { failureOf } from '../../broker/broker-errors.ts';
import type { Handler, Session } from '../../session.ts';

interface DescribeLogDirsRequest {
  /** Null: all. */
  topics: { topic: string; partitions: number[] }[] | null;
}

interface Place {
  name: string;
  partitionIndex: number;
}

const LOG_DIR = '/posthorn';

/** Each partition is asked itself. */
const ASKED_AT_ONCE = 16;

/** What is not there is left out, as by Kafka. */
export const describeLogDirs: Handler<DescribeLogDirsRequest> = async (session, { topics }) => {
  try {
    const places = await placesOf(session, topics);
    const sizes: (Place & { partitionSize: number })[] = [];
    const ask = async (): Promise<void> => {
      for (let place = places.next(); !place.done; place = places.next()) {
        const partitionSize = await sizeOf(session, place.value);
        if (partitionSize !== null) sizes.push({ ...place.value, partitionSize });
        session.signal.throwIfAborted();
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, ask));
    const found = [...Map.groupBy(sizes, ({ name }) => name)].map(([name, some]) => ({
      name,
      partitions: some
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ partitionIndex, partitionSize }) => ({
          partitionIndex,
          partitionSize,
          offsetLag: 0,
          isFutureKey: false,
        })),
    }));
    return { errorCode: ERRORS.NONE, results: [{ errorCode: ERRORS.NONE, logDir: LOG_DIR, topics: found }] };
  } catch (error) {
    session.signal.throwIfAborted();
    return { errorCode: failureOf(error, 'cluster').errorCode, results: [] };
  }
};

/** Returns the partitions that are meant and are there, each once. */
async function placesOf(
  { client }: Session,
  topics: DescribeLogDirsRequest['topics'],
): Promise<Iterator<Place, undefined>> {
  if (topics?.length === 0) return [].values();
  const known = await client.directory.list();
  const wanted = topics && new Map(topics.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  return known
    .values()
    .flatMap(({ topic: name, partitions }) =>
      Array.from({ length: partitions }, (_, partitionIndex) => ({ name, partitionIndex })),
    )
    .filter(({ name, partitionIndex }) => !wanted || wanted.get(name)?.has(partitionIndex));
}

/** Returns null for a partition that has gone meanwhile, or that the client may not see. */
async function sizeOf({ client }: Session, { name, partitionIndex }: Place): Promise<number | null> {
  try {
    const { sizeBytes, coldBytes } = await client.topics.describePartition(name, partitionIndex);
    return sizeBytes - coldBytes;
  } catch (error) {
    const { errorCode } = failureOf(error, 'topic');
    if (errorCode === ERRORS.UNKNOWN_TOPIC_OR_PARTITION || errorCode === ERRORS.TOPIC_AUTHORIZATION_FAILED)
      return null;
    throw error;
  }
}
