/**
 * Batches and hashes that Kafka's Java client wrote (scripts/interop/interop-java.mjs --write-vectors), read here without Java.
 * Uncompressed dense batches are also encoded again, to the byte.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { murmur2, partitionForKey } from '../../protocol/murmur2.ts';
import { type BatchVector, checkBatchVector } from '../interop/describe.ts';

function lines<T>(name: string): T[] {
  const text = readFileSync(join(import.meta.dirname, 'vectors', name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

describe("vectors of Kafka's Java client", () => {
  const batches = lines<BatchVector>('record-batch.jsonl');

  it.each(batches.map((vector, i) => [i, vector] as const))('batch %i', (_, vector) => {
    expect(checkBatchVector(vector)).toEqual([]);
  });

  it('cover each kind of batch', () => {
    const count = (test: (vector: BatchVector) => boolean): number => batches.filter(test).length;
    expect(batches.length).toBeGreaterThanOrEqual(60);
    expect(count((v) => v.described.compression === 'gzip')).toBeGreaterThan(10);
    expect(count((v) => v.kind === 'marker')).toBeGreaterThan(5);
    expect(count((v) => v.described.timestampType === 'append')).toBeGreaterThan(5);
    expect(count((v) => v.described.isTransactional && v.kind === 'batch')).toBeGreaterThan(5);
    expect(count((v) => v.kind === 'batch' && v.gaps)).toBeGreaterThan(5);
    expect(count((v) => v.described.records.some((r) => r.key === null))).toBeGreaterThan(5);
    expect(count((v) => v.described.records.some((r) => r.value === null))).toBeGreaterThan(5);
    expect(
      count((v) => v.described.records.some((r) => r.headers.some(([, value]) => value === null))),
    ).toBeGreaterThan(2);
  });

  it('murmur2 and the partition of each key', () => {
    const keys = lines<{ key: string; hash: number; partitions: number; partition: number }>('murmur2.jsonl');
    expect(keys.length).toBe(100);
    for (const { key, hash, partitions, partition } of keys) {
      const bytes = new Uint8Array(Buffer.from(key, 'base64'));
      expect(murmur2(bytes)).toBe(hash);
      expect(partitionForKey(bytes, partitions)).toBe(partition);
    }
  });
});
