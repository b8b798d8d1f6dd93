/**
 * Benchmark of retries: rows written for each of very many messages that fail at once, and the memory of the queue's
 * object.
 *
 *   npm run bench:retries -- [messages]
 *
 * It runs the object's own code over node:sqlite in a heap that V8 limits to 32 MB: if more were alive at any moment,
 * the process would die. Bytes outside the heap (segments in memory) are looked at after each step.
 */

import { runOfTag } from '../../durable-objects/queue/deliver/settle-message.ts';
import { StoredQueue } from '../../durable-objects/queue/stored-queue.ts';
import { QueueStore } from '../../durable-objects/queue/rows/queue-store.ts';
import { formatTag } from '../../protocol/frames/delivery-tag.ts';
import { QUEUE_DEFAULTS } from '../../protocol/schemas/queues.ts';
import { encodeBatch } from '../../protocol/record-batch/index.ts';
import { NodeSql } from '../../test/support/broker/node-sql.ts';
import { getHeapStatistics } from 'node:v8';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STEP = 10_000;
const messages = Number(process.argv[2] ?? 100_000);
const folder = await mkdtemp(join(tmpdir(), 'posthorn-retries-'));
const error = {
  type: 'TypeError',
  message: 'x is not a function',
  stack_trace: 'at handler (a.js:1)\n'.repeat(25),
};
const retry = { base_ms: 30_000, factor: 2, max_ms: 600_000, jitter: 0.5, attempts: 1 };
const config = { ...QUEUE_DEFAULTS, retry };
const definition = { namespace: 'default', name: 'q', id: 7, version: 7, config };
const sql = new NodeSql(join(folder, 'queue.sqlite'));
let nowMs = Date.now();
let outsideMb = 0;

new QueueStore(sql).writeQueue({ definition, isPaused: false, usedMs: 0 });
const queue = new StoredQueue(sql, definition, false, nowMs);
const context = () => ({ nowMs, random: 0.5 });

for (let left = messages; left > 0; left -= 1_000) {
  const value = new TextEncoder().encode(JSON.stringify('x'.repeat(98)));
  const records = Array.from({ length: 1_000 }, () => ({ key: null, value, timestamp: nowMs }));
  step(() => {
    queue.publish(encodeBatch(records), {}, context());
    queue.store();
  });
}
report('failed in settlements of 10,000, parked', () => {
  for (let left = messages; left > 0; left -= STEP) {
    const tags = take(STEP, 600_000);
    const runs = tags.map((tag) => runOfTag(tag, { kind: 'nack', error }));
    step(() => queue.settleRuns(runs, undefined, context()));
  }
});
report('back from their delays', () => {
  nowMs += 31_000;
  while (step(() => queue.promote(nowMs)));
});
report('all leases over in the same moment, dead letters', () => {
  for (let left = messages; left > 0; left -= STEP) take(STEP, 1_000);
  nowMs += 1_001;
  while (step(() => queue.expireLeases(nowMs)) > 0);
});
const { parked, counters } = queue.state;
console.log(
  JSON.stringify({
    messages,
    heapLimitMb: Math.round(getHeapStatistics().heap_size_limit / 2 ** 20),
    outsideHeapPeakMb: outsideMb,
    parked,
    deadLettered: counters.deadLettered,
    outgoing: queue.outgoing,
  }),
);
await rm(folder, { recursive: true });

function step<Result>(run: () => Result): Result {
  const result = queue.commit(run);
  const { arrayBuffers } = process.memoryUsage();
  outsideMb = Math.max(outsideMb, Math.round(arrayBuffers / 2 ** 20));
  return result;
}

function take(max: number, leaseMs: number): string[] {
  const tags: string[] = [];
  while (tags.length < max) {
    const command = { max: max - tags.length, bytesMax: 8e6, leaseMs, consumerId: 'c', autoAck: false };
    const frame = step(() => queue.deliver(command, context()));
    if (frame === null) throw new Error(`${tags.length} of ${max} messages were there`);
    const { queueId, sections } = frame;
    for (const { lane, runs } of sections) {
      for (const { start, end, delivery } of runs) {
        for (let offset = start; offset < end; offset++)
          tags.push(formatTag({ queueId, lane, offset, delivery }));
      }
    }
  }
  return tags;
}

function report(what: string, run: () => void): void {
  const before = sql.meter.rowsWritten;
  const startMs = performance.now();
  run();
  const rowsPerMessage = Number(((sql.meter.rowsWritten - before) / messages).toFixed(4));
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  console.log(JSON.stringify({ what, rowsPerMessage, seconds }));
}
