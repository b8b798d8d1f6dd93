/**
 * `npm run bench`: figures as ratios within one run, against a bare Durable Object in the same local runtime. Each round
 * is a fresh runtime, the order of the two is reversed every round, and the raw rounds are printed and kept.
 *
 *   --json          one JSON document and nothing else
 *   --records N     records a round (default 1,000,000)
 *   --rounds N      default 5
 *   --quick         100,000 records, 1 round, small sizes: to see that it runs
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BATCH_RECORDS, benchLog, benchLongPoll, benchMemory, RECORD_BYTES, type LogResult } from './log.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    records: { type: 'string' },
    rounds: { type: 'string' },
  },
});

const records = Number(options.records ?? (options.quick ? 100_000 : 1_000_000));
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const progress = (text: string): void => {
  if (!options.json) process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${text}` : `${text}\n`);
};

const log = await benchLog(records, rounds, progress);
const memory = await benchMemory(
  options.quick ? [10_000, 100_000] : [10_000, 1_000_000, 5_000_000],
  progress,
);
const longPoll = await benchLongPoll(options.quick ? 20 : 200, progress);
if (process.stderr.isTTY) progress('');
const report = {
  at: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  workload: { recordBytes: RECORD_BYTES, batchRecords: BATCH_RECORDS, records, rounds },
  log,
  memory,
  longPoll,
};

const folder = join(import.meta.dirname, '../dist/bench');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, 'latest.json'), `${JSON.stringify(report, null, 2)}\n`);
if (options.json) console.log(JSON.stringify(report, null, 2));
else print(log);

function print({ rounds: raw, ratio, rowsWrittenPerBatch, cost }: LogResult): void {
  const dollars = (value: number): string => `$${value.toFixed(5)}`;
  console.log(
    `\nProduce and consume ${records.toLocaleString('en')} records of ${RECORD_BYTES} B, batches of ${BATCH_RECORDS}`,
  );
  console.table(
    raw.map((round) => ({
      ...round,
      produce: Math.round(round.produce),
      consume: Math.round(round.consume),
    })),
  );
  console.log(
    `ratio to the bare object:  produce ${ratio.produce.toFixed(2)}  consume ${ratio.consume.toFixed(2)}`,
  );
  console.log(`rows written per batch:    ${rowsWrittenPerBatch.toFixed(3)}`);
  console.log(`list price per million records:`);
  for (const [name, { rows, requests, duration, total }] of Object.entries(cost)) {
    console.log(
      `  ${name}  ${dollars(total)}  (rows ${dollars(rows)}, requests ${dollars(requests)}, duration ${dollars(duration)})`,
    );
  }
  console.log('\nMemory of the runtime as one partition grows');
  console.table(memory);
  console.log('A waiting reader');
  console.table([longPoll]);
  console.log('written to dist/bench/latest.json');
}
