/**
 * Record batches as their fields, each of which can be wrong by itself: counts, lengths, deltas, attributes, numbers that are
 * longer than need be. Written down with a CRC that is right, so that what is wrong is for the deeper checks to find. Numbers
 * are written by code of its own, not the codec's.
 */

import { gzipSync } from 'node:zlib';
import { crc32c } from '../../../protocol/record-batch/index.ts';
import type { Random } from '../../crash/random.ts';
import { concat } from '../values/spoil-bytes.ts';
import { pick } from '../values/schema-values.ts';

interface Sized {
  bytes: Uint8Array | null;
  /** What is said of its length; left out: what it is. */
  said?: number;
}

interface RecordModel {
  /** Added to the length that it has. */
  longer: number;
  attributes: number;
  timestampDelta: bigint;
  offsetDelta: number;
  key: Sized;
  value: Sized;
  headers: { name: Sized; value: Sized }[];
  headerCount?: number;
  /** Bytes that its numbers are longer than need be. */
  padding: number;
}

export interface BatchModel {
  baseOffset: bigint;
  attributes: number;
  lastOffsetDelta: number;
  baseTimestamp: bigint;
  maxTimestamp: bigint;
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
  records: RecordModel[];
  trailing: Uint8Array;
  /** Of the content, before its CRC is written. */
  wrap: 'plain' | 'gzip' | 'cut gzip' | 'two gzips' | 'bomb';
  longer: number;
  isCrcRight: boolean;
}

const HEADER_BYTES = 61;
const GZIP = 1;
const BASE_MS = 1_000n;
/** More than any reader here is allowed to inflate. */
const BOMB = gzipSync(new Uint8Array(4 << 20));

const INT32_EDGES = [-(2 ** 31), -2, -1, 0, 1, 2, 63, 64, 127, 128, 8_192, 2 ** 31 - 1];
const INT64_EDGES = [
  -(2n ** 63n),
  -(2n ** 53n),
  -2n,
  -1n,
  0n,
  1n,
  2n ** 31n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
];

/** A batch that is right. */
export function drawBatch(random: Random): BatchModel {
  const count = 1 + Math.floor(random() * 5);
  const deltas = Array.from({ length: count }, () => BigInt(Math.floor(random() * 300)));
  const records = deltas.map((timestampDelta, offsetDelta) => ({
    longer: 0,
    attributes: 0,
    timestampDelta,
    offsetDelta,
    key: { bytes: drawBytes(random, 12) },
    value: { bytes: drawBytes(random, 100) },
    headers: Array.from({ length: Math.floor(random() * 3) }, () => ({
      name: { bytes: new TextEncoder().encode(pick(random, ['', 'a', 'ключ', '日本'])) },
      value: { bytes: drawBytes(random, 8) },
    })),
    padding: 0,
  }));
  const isIdempotent = random() < 0.3;
  return {
    baseOffset: BigInt(Math.floor(random() * 1e6)),
    attributes: isIdempotent && random() < 0.5 ? 0x10 : 0,
    lastOffsetDelta: count - 1,
    baseTimestamp: BASE_MS,
    maxTimestamp: BASE_MS + deltas.reduce((most, delta) => (delta > most ? delta : most), 0n),
    producerId: isIdempotent ? 7n : -1n,
    producerEpoch: isIdempotent ? 0 : -1,
    baseSequence: isIdempotent ? 0 : -1,
    recordCount: count,
    records,
    trailing: new Uint8Array(),
    wrap: random() < 0.2 ? 'gzip' : 'plain',
    longer: 0,
    isCrcRight: true,
  };
}

type Spoil = (batch: BatchModel, record: RecordModel, random: Random) => void;

const int32 = (random: Random): number =>
  random() < 0.7 ? pick(random, INT32_EDGES) : Math.floor((random() - 0.5) * 2 ** 32);

const SPOILS: readonly Spoil[] = [
  (batch, _, random) => (batch.recordCount = int32(random)),
  (batch, _, random) => (batch.lastOffsetDelta = int32(random)),
  (batch, _, random) => (batch.baseOffset = pick(random, INT64_EDGES)),
  (batch, _, random) => (batch.baseTimestamp = pick(random, INT64_EDGES)),
  (batch, _, random) => (batch.maxTimestamp = pick(random, INT64_EDGES)),
  (batch, _, random) => (batch.producerId = pick(random, INT64_EDGES)),
  (batch, _, random) => (batch.producerEpoch = pick(random, [-2, -1, 0, 32_767])),
  (batch, _, random) => (batch.baseSequence = int32(random)),
  (batch, _, random) => (batch.attributes ^= 1 << Math.floor(random() * 16)),
  (batch, _, random) => (batch.attributes = Math.floor(random() * 65_536)),
  (batch, _, random) => (batch.wrap = pick(random, ['plain', 'gzip', 'cut gzip', 'two gzips', 'bomb'])),
  (batch, _, random) => (batch.longer = pick(random, [-61, -1, 1, 2 ** 30])),
  (batch, _, random) => (batch.trailing = drawBytes(random, 10) ?? new Uint8Array(1)),
  (batch) => (batch.isCrcRight = false),
  (batch, record) => batch.records.push(record),
  (batch) => void batch.records.pop(),
  (batch) => batch.records.reverse(),
  (_, record, random) => (record.longer = pick(random, [-1, 1, 5, 1_000, -1_000, 2 ** 30])),
  (_, record, random) => (record.attributes = Math.floor(random() * 256)),
  (_, record, random) => (record.timestampDelta = pick(random, INT64_EDGES)),
  (_, record, random) => (record.offsetDelta = int32(random)),
  (_, record, random) => (record.key.said = int32(random)),
  (_, record, random) => (record.value.said = int32(random)),
  (_, record, random) => (record.headerCount = int32(random)),
  (_, record, random) => (record.padding = 1 + Math.floor(random() * 12)),
  (_, record, random) => {
    const header = record.headers[0];
    if (header) pick(random, [header.name, header.value]).said = int32(random);
    else record.headers.push({ name: { bytes: Uint8Array.of(0xff, 0xc0) }, value: { bytes: null } });
  },
];

/** Makes some of it wrong. */
export function spoilBatch(batch: BatchModel, random: Random): void {
  for (let count = Math.ceil(random() * 3); count > 0; count--) {
    if (batch.records.length > 0) pick(random, SPOILS)(batch, pick(random, batch.records), random);
  }
}

export function writeBatch(batch: BatchModel): Uint8Array {
  const plain = concat(...batch.records.map(writeRecord), batch.trailing);
  const records = wrapped(plain, batch.wrap);
  const bytes = new Uint8Array(HEADER_BYTES + records.length);
  bytes.set(records, HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, batch.baseOffset);
  view.setInt32(8, bytes.length - 12 + batch.longer);
  view.setInt32(12, -1);
  view.setInt8(16, 2);
  view.setInt16(21, batch.attributes | (batch.wrap === 'plain' ? 0 : GZIP));
  view.setInt32(23, batch.lastOffsetDelta);
  view.setBigInt64(27, batch.baseTimestamp);
  view.setBigInt64(35, batch.maxTimestamp);
  view.setBigInt64(43, batch.producerId);
  view.setInt16(51, batch.producerEpoch);
  view.setInt32(53, batch.baseSequence);
  view.setInt32(57, batch.recordCount);
  if (batch.isCrcRight) view.setUint32(17, crc32c(bytes, 21, bytes.length));
  return bytes;
}

function wrapped(plain: Uint8Array, wrap: BatchModel['wrap']): Uint8Array {
  if (wrap === 'plain') return plain;
  if (wrap === 'bomb') return BOMB;
  const zipped = gzipSync(plain);
  if (wrap === 'cut gzip') return zipped.subarray(0, zipped.length >> 1);
  return wrap === 'two gzips' ? concat(zipped, zipped) : zipped;
}

function writeRecord(record: RecordModel): Uint8Array {
  const { padding, headers } = record;
  const body = concat(
    Uint8Array.of(record.attributes),
    varint(record.timestampDelta, padding),
    varint(record.offsetDelta),
    sized(record.key),
    sized(record.value),
    varint(record.headerCount ?? headers.length),
    ...headers.flatMap(({ name, value }) => [sized(name), sized(value)]),
  );
  return concat(varint(body.length + record.longer), body);
}

function sized({ bytes, said }: Sized): Uint8Array {
  return concat(varint(said ?? bytes?.length ?? -1), bytes ?? new Uint8Array());
}

/** Zigzag, seven bits a byte, the lowest first. */
function varint(value: number | bigint, padding = 0): Uint8Array {
  const number = BigInt(value);
  let rest = number < 0n ? -number * 2n - 1n : number * 2n;
  const bytes: number[] = [];
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  if (padding === 0) return Uint8Array.from(bytes);
  bytes[bytes.length - 1]! |= 0x80;
  return Uint8Array.from([...bytes, ...Array.from({ length: padding - 1 }, () => 0x80), 0]);
}

function drawBytes(random: Random, most: number): Uint8Array | null {
  if (random() < 0.15) return null;
  return Uint8Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 256));
}
