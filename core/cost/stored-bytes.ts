/**
 * Quota of stored bytes: what an object counts, how often it reports, and when a publish is too much. Objects report what they
 * store in steps to the topology, which adds up, and answers what is available.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

/** An object without a message occupies somewhat less than this. It does not count. */
export const EMPTY_OBJECT_BYTES = 128 * 1024;

/** A page of the database is the least that can change. */
const STEP_MIN = 4 * 1024;
const STEP_MAX = 1024 * 1024;

/** Room comes back when messages are consumed or removed, not within a second. */
const RETRY_AFTER_S = 5;

/** An object whose bytes count. The id is that of the definition; a transactional id has none. */
export interface StoringObject {
  readonly kind: 'queue' | 'partition' | 'transaction' | 'objects';
  /** Of the queue, the topic or the transaction. The large bodies of a namespace are counted as one, without a name. */
  readonly name: string;
  readonly id: number;
  readonly partition: number;
}

/** What a namespace has in the bucket, but for its old records, which partitions count. */
export const LARGE_BODIES: StoringObject = { kind: 'objects', name: '', id: 0, partition: 0 };

/** Returns the key of an object. Names are percent-encoded: a space ends a part. */
export function storingKey({ kind, name, id, partition }: StoringObject): string {
  return `${storingPrefix(kind, name)} ${id} ${partition}`;
}

/** Returns what the keys of a queue, or of all partitions of a topic, begin with. A space follows. */
export function storingPrefix(kind: StoringObject['kind'], name: string): string {
  return `${kind} ${encodeURIComponent(name)}`;
}

export function parseStoringKey(key: string): StoringObject {
  const [kind, name, id, partition] = key.split(' ');
  return {
    kind: kind as StoringObject['kind'],
    name: decodeURIComponent(name!),
    id: Number(id),
    partition: Number(partition),
  };
}

/** Returns what counts of the bytes that an object occupies. */
export function countedBytes(databaseBytes: number): number {
  return Math.max(0, databaseBytes - EMPTY_OBJECT_BYTES);
}

/** Returns by how many bytes an object changes between two reports: a hundredth of the quota. */
export function storedStep(limit: number): number {
  return Math.max(STEP_MIN, Math.min(STEP_MAX, Math.floor(limit / 100)));
}

/** @param available how many bytes may come; the refused call has more */
export function refuseStored(limit: number, available: number): Failure {
  return failure(
    'quota',
    `the namespace may store ${limit} bytes, and has room for ${available}; consume, purge or delete`,
    {
      quota: 'stored_bytes',
      limit,
      available,
      retry_after_s: RETRY_AFTER_S,
    },
  );
}
