/**
 * The codecs under bytes that are nearly right: record batches, and the frames of deliveries, settlements, outcomes and group
 * records. They give a value or one of their failures, never another exception; they look at nothing beside their bytes;
 * they inflate and allocate no more than the bytes justify; what they take is written again as equal.
 */

import { deepStrictEqual, ok } from 'node:assert';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  decodeDeliveryFrame,
  encodeDeliveryFrame,
  tagsOfFrame,
} from '../../../protocol/frames/delivery-frame.ts';
import { isFailure } from '../../../protocol/errors.ts';
import { decodeAcquiredFrame, encodeAcquiredFrame } from '../../../protocol/frames/acquired-frame.ts';
import { decodeGroupFrame, encodeGroupFrame } from '../../../protocol/frames/group-frame.ts';
import { decodeRequestFrame, encodeRequestFrame } from '../../../protocol/frames/request-frame.ts';
import {
  decodeControlRecord,
  decodeRecords,
  eachRecordKey,
  encodeBatch,
  openSoundBatch,
  verifyOpen,
  isBatchFailure,
  readBatchHeader,
  retainRecords,
  splitBatches,
  verifyBatch,
  type Inflate,
  type LogRecord,
} from '../../../protocol/record-batch/index.ts';
import {
  decodeOutcomeFrame,
  decodeSettlementFrame,
  encodeOutcomeFrame,
  encodeSettlementFrame,
} from '../../../protocol/frames/settlement-frame.ts';
import { SETTLE_OUTCOMES, SETTLEMENT_KINDS } from '../../../protocol/settlements.ts';
import { randomFrom, type Random } from '../../crash/random.ts';
import { drawBatch, spoilBatch, writeBatch } from './batch-model.ts';
import { pick } from '../values/schema-values.ts';
import { spoilBytes } from '../values/spoil-bytes.ts';

const INFLATED_BYTES_MAX = 1 << 20;
/** Only against what does not end: a case has some hundred bytes. */
const CASE_MS_MAX = 5_000;
const AROUND_BYTES = 64;
/** A record has seven bytes at least. */
const RECORD_BYTES_MIN = 7;

export class CodecFuzz {
  cases = 0;
  /** Cases that were taken as good. */
  accepted = 0;

  readonly #random: Random;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** One case. What is wrong, a text each. */
  async step(): Promise<string[]> {
    this.cases += 1;
    const random = this.#random.fork();
    const isBatch = random() < 0.6;
    const frame = pick(random, FRAMES);
    const whole = isBatch ? drawn(random) : frame.draw(random);
    const isSpoiled = random() < (isBatch ? 0.3 : 0.8);
    const bytes = isSpoiled ? spoilBytes(whole, random) : whole;
    const before = process.cpuUsage();
    try {
      const taken = isBatch ? await readBatch(bytes, random) : frame.read(bytes);
      if (taken) this.accepted += 1;
      if (!isBatch && !isSpoiled) ok(taken, 'a frame that is right is taken');
    } catch (error) {
      return [
        `case ${this.cases} ${shown(isBatch ? 'batch' : frame.name, bytes)}: ${(error as Error).stack}`,
      ];
    }
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1_000;
    return ms > CASE_MS_MAX ? [`${shown('bytes', bytes)} took ${Math.round(ms)} ms`] : [];
  }
}

const shown = (what: string, bytes: Uint8Array): string =>
  `${what} base64:${Buffer.from(bytes.subarray(0, 1_000)).toString('base64')}`;

function drawn(random: Random): Uint8Array {
  const batch = drawBatch(random);
  if (random() < 0.85) spoilBatch(batch, random);
  return writeBatch(batch);
}

/** Whether it was verified. */
async function readBatch(bytes: Uint8Array, random: Random): Promise<boolean> {
  const taken = readEveryWay(bytes, 0);
  deepStrictEqual(readAmong(bytes, 0x00), taken, 'what lies before and after does not matter');
  deepStrictEqual(readAmong(bytes, 0xff), taken, 'what lies before and after does not matter');
  const opened = await openSoundBatch(bytes, 0, { inflatedBytesMax: INFLATED_BYTES_MAX });
  if (!isBatchFailure(opened)) {
    ok(opened.end - opened.start <= bytes.length + INFLATED_BYTES_MAX);
    // Node's gunzipSync takes several members, streams take one.
    if (verifyOpen(opened) === null) deepStrictEqual(opened.header, taken.verified);
  }
  splitBatches(random() < 0.5 ? bytes : new Uint8Array([...bytes, ...bytes]));
  return !isBatchFailure(taken.verified);
}

/** The same bytes in the middle of others, cut off from what follows by the array's length. */
function readAmong(bytes: Uint8Array, around: number): Reading {
  const room = new Uint8Array(bytes.length + 2 * AROUND_BYTES).fill(around);
  room.set(bytes, AROUND_BYTES);
  return readEveryWay(room.subarray(0, AROUND_BYTES + bytes.length), AROUND_BYTES);
}

interface Reading {
  /** The header, or why there is none. */
  verified: unknown;
  records: unknown;
}

function readEveryWay(bytes: Uint8Array, at: number): Reading {
  const options = { inflate, inflatedBytesMax: INFLATED_BYTES_MAX };
  const verified = verifyBatch(bytes, at, options);
  const header = readBatchHeader(bytes, at);
  if (isBatchFailure(header)) {
    deepStrictEqual(verified, header);
    return { verified: verified.code, records: null };
  }
  const decoded = decodeRecords(bytes, at, header, options);
  let seen = 0;
  const failed = eachRecordKey(bytes, at, header, () => void (seen += 1), options) !== null;
  const kept = retainRecords(bytes, at, ({ offset }) => offset % 2 === 0, { ...options, deflate: gzipSync });
  ok(failed === isBatchFailure(decoded), 'keys can be read where records can');
  ok(isBatchFailure(kept) === isBatchFailure(decoded), 'records can be kept where they can be read');
  if (isBatchFailure(decoded)) {
    ok(isBatchFailure(verified), 'what is verified can be read');
    return { verified: verified.code, records: decoded.code };
  }
  const room = header.compression === 'none' ? header.sizeInBytes : INFLATED_BYTES_MAX;
  ok(seen === decoded.length && seen <= room / RECORD_BYTES_MIN, 'no more records than bytes for them');
  for (const record of decoded) {
    if (header.isControl) decodeControlRecord(record);
    if (header.compression === 'none') checkInside(record, bytes, at, header.sizeInBytes);
  }
  if (isBatchFailure(verified)) return { verified: verified.code, records: decoded };
  if (kept instanceof Uint8Array) ok(!isBatchFailure(verifyBatch(kept, 0, { ...options, allowGaps: true })));
  const again = encodeBatch(decoded, { ...header, producerId: -1 });
  const againHeader = readBatchHeader(again, 0);
  ok(!isBatchFailure(againHeader));
  deepStrictEqual(decodeRecords(again, 0, againHeader), decoded, 'written again it is equal');
  return { verified, records: decoded };
}

function checkInside({ key, value, headers }: LogRecord, bytes: Uint8Array, at: number, size: number): void {
  const from = bytes.byteOffset + at;
  for (const view of [key, value, ...headers.map((header) => header.value)]) {
    if (view === null) continue;
    ok(view.buffer === bytes.buffer && view.byteOffset >= from, 'a view begins in the batch');
    ok(view.byteOffset + view.length <= from + size, 'a view ends in the batch');
  }
}

const inflate: Inflate = (payload, bytesMax) => {
  ok(bytesMax <= INFLATED_BYTES_MAX, 'no more is inflated than was allowed');
  try {
    return new Uint8Array(gunzipSync(payload, { maxOutputLength: Math.max(1, bytesMax) }));
  } catch {
    return null;
  }
};

/** A frame's codec: bytes that are right, and reading of any. */
interface FrameCodec {
  name: string;
  draw: (random: Random) => Uint8Array;
  /** Whether it was taken. Throws if something is wrong. */
  read: (bytes: Uint8Array) => boolean;
}

const int = (random: Random, below: number): number => Math.floor(random() * below);

const FRAMES: readonly FrameCodec[] = [
  {
    name: 'delivery frame',
    draw: (random) =>
      encodeDeliveryFrame({
        queueId: 1 + int(random, 1e6),
        sections: Array.from({ length: int(random, 3) }, () => ({
          lane: int(random, 64),
          runs: Array.from({ length: int(random, 4) }, () => {
            const start = int(random, 1e6);
            return {
              start,
              end: start + 1 + int(random, 10),
              delivery: 1 + int(random, 5),
              expiresAtMs: int(random, 1e12),
            };
          }),
          batches: writeBatch(drawBatch(random)),
        })),
      }),
    read: (bytes) => {
      const frame = orRefused(() => decodeDeliveryFrame(bytes));
      if (frame === null) return false;
      ok(tagsOfFrame(bytes).length <= 10_000, 'no more messages than a frame may have');
      deepStrictEqual(decodeDeliveryFrame(encodeDeliveryFrame(frame)), frame);
      return true;
    },
  },
  {
    name: 'settlement frame',
    draw: (random) =>
      encodeSettlementFrame({
        id: int(random, 2 ** 32),
        entries: Array.from({ length: int(random, 5) }, () => {
          const start = int(random, 1e6);
          const at = {
            queueId: int(random, 1e6),
            lane: int(random, 64),
            delivery: int(random, 2 ** 32),
            start,
          };
          const details = pick(random, ['', '{"delay_ms":5}', 'ключ']);
          return { kind: pick(random, SETTLEMENT_KINDS), ...at, end: start + 1 + int(random, 100), details };
        }),
      }),
    read: (bytes) => {
      const frame = decodeSettlementFrame(bytes);
      if (isFailure(frame)) return false;
      const entries = frame.entries.flatMap((entry) => ('invalid' in entry ? [] : [entry]));
      if (entries.length < frame.entries.length) return false;
      deepStrictEqual(Buffer.from(encodeSettlementFrame({ ...frame, entries })), Buffer.from(bytes));
      return true;
    },
  },
  {
    name: 'request frame',
    draw: (random) =>
      encodeRequestFrame({
        id: int(random, 2 ** 32),
        topologyVersion: int(random, 2 ** 53),
        query: pick(random, ['', 'mandatory=true', 'ключ']),
        batches: writeBatch(drawBatch(random)),
      }),
    read: (bytes) => {
      const frame = decodeRequestFrame(bytes);
      if (isFailure(frame)) return false;
      deepStrictEqual(Buffer.from(encodeRequestFrame(frame)), Buffer.from(bytes));
      return true;
    },
  },
  {
    name: 'outcome frame',
    draw: (random) => {
      const outcomes = Array.from({ length: int(random, 50) }, () => pick(random, SETTLE_OUTCOMES));
      return encodeOutcomeFrame({ id: int(random, 2 ** 32), outcomes });
    },
    read: (bytes) => {
      const frame = orRefused(() => decodeOutcomeFrame(bytes));
      if (frame === null) return false;
      ok(frame.outcomes.length <= 10_000, 'no more outcomes than a settlement may have');
      deepStrictEqual(decodeOutcomeFrame(encodeOutcomeFrame(frame)), frame);
      return true;
    },
  },
  {
    name: 'group frame',
    draw: (random) => {
      const sections = Array.from({ length: int(random, 3) }, (_, partition) => {
        const batches = writeBatch(drawBatch(random));
        const offsets = { start_offset: 0, next_offset: 9, high_watermark: 9, log_start_offset: 0 };
        return { topic: 'orders', topic_id: 7, partition, ...offsets, bytes: batches.length, batches };
      });
      const member = { member_id: 'm', epoch: 3, assignment: [], heartbeat_interval_ms: 1_000 };
      return encodeGroupFrame({ member, sections });
    },
    read: (bytes) => {
      const frame = orRefused(() => decodeGroupFrame(bytes));
      if (frame === null) return false;
      for (const { batches } of frame.sections) ok(batches.length <= bytes.length);
      deepStrictEqual(decodeGroupFrame(encodeGroupFrame(frame)), frame);
      return true;
    },
  },
  {
    name: 'acquired frame',
    draw: (random) => {
      const sections = Array.from({ length: int(random, 3) }, (_, partition) => {
        const batches = writeBatch(drawBatch(random));
        const acquired: [number, number, number][] = [[0, 1 + int(random, 9), 1]];
        return { topic: 'orders', topic_id: 7, partition, acquired, bytes: batches.length, batches };
      });
      return encodeAcquiredFrame({ lock_duration_ms: int(random, 30_000), sections });
    },
    read: (bytes) => {
      const frame = orRefused(() => decodeAcquiredFrame(bytes));
      if (frame === null) return false;
      for (const { batches } of frame.sections) ok(batches.length <= bytes.length);
      deepStrictEqual(decodeAcquiredFrame(encodeAcquiredFrame(frame)), frame);
      return true;
    },
  },
];

/** Frames from the broker are refused with a RangeError by those who read them. */
function orRefused<Frame>(read: () => Frame): Frame | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
