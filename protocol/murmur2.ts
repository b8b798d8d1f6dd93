/**
 * The hash that places a key in a partition, as Kafka's Java client computes it
 * (`org.apache.kafka.common.utils.Utils.murmur2`, used by its default partitioner). A key that reaches Posthorn
 * through any client lands in the partition where the same key lands in Kafka.
 *
 *   murmur2 = 32-bit MurmurHash2 (Austin Appleby, public domain), seed 0x9747b28c, input read little-endian
 *   partition = (murmur2 & 0x7fffffff) % partitions
 *
 * The sign bit is masked off, not negated: Kafka's `Utils.toPositive`, which is also right for -2^31.
 */

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * Hashes `bytes`; the empty array is allowed.
 *
 * @returns a signed 32-bit integer, the value that Java's `Utils.murmur2` returns
 */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length;
  let hash = SEED ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  const rest = length - at;
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[at + 2]! << 16;
    if (rest > 1) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * The partition of a record with a key. Records without a key are placed by the producer (sticky or explicit).
 *
 * @param partitions how many partitions the topic has, at least 1
 * @returns a partition number in [0, partitions)
 * @throws RangeError when `partitions` is not a positive integer
 */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  if (!Number.isInteger(partitions) || partitions < 1) {
    throw new RangeError(`partitions must be a positive integer, got ${partitions}`);
  }
  return (murmur2(key) & 0x7fffffff) % partitions;
}
