/**
 * Benchmark of JSON: the time of a router for the JSON of a produce and a fetch, relative to parsing everything and
 * writing it again, which loses the text of values. `node scripts/run.mjs bench/log/json.ts`; ratios below 1 are faster.
 */

import { isFailure } from '../../protocol/errors.ts';
import { bytesOfValue, valueOfBytes } from '../../protocol/json/json-bytes.ts';
import { parseJson } from '../../protocol/json/json-parse.ts';
import { writeJson } from '../../protocol/json/json-text.ts';

const RECORDS = 1_000;
const ROUNDS = 15;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const WORKLOADS: Record<string, (i: number) => unknown> = {
  'a small object': (i) => ({ id: i, total: 12.5, name: 'Ada Lovelace', active: true }),
  'a nested order': (i) => ({
    id: `order-${i}`,
    customer: { id: i, name: 'Zoë Müller', tags: ['a', 'b'] },
    lines: Array.from({ length: 5 }, (_, line) => ({ sku: `sku-${line}`, count: line, price: 9.99 })),
  }),
  'a text of 2 kB': (i) => `${i} ${'The quick brown fox jumps over the lazy dog. '.repeat(45)}`,
};

interface Body {
  records: { key: string; value: unknown }[];
}

function parsed(body: Uint8Array): unknown[] {
  const { records } = JSON.parse(decoder.decode(body)) as Body;
  return records.map(({ value }) => encoder.encode(JSON.stringify(value)));
}

function sliced(body: Uint8Array): unknown[] {
  const read = parseJson(body, ['records', null, 'value']);
  if (isFailure(read)) throw new Error(read.message);
  return (read.json as Body).records.map(({ value }) => bytesOfValue(value));
}

function rewritten(values: readonly Uint8Array[]): string {
  const records = values.map((bytes, offset) => ({
    offset,
    timestamp: 1,
    key: 'k',
    value: JSON.parse(decoder.decode(bytes)) as unknown,
  }));
  return JSON.stringify({ records });
}

function passedOn(values: readonly Uint8Array[]): string {
  const records = values.map((bytes, offset) => ({
    offset,
    timestamp: 1,
    key: 'k',
    value: valueOfBytes(bytes),
  }));
  return writeJson({ records });
}

/** Medians of alternating rounds, in ms. */
function compare(before: () => unknown, after: () => unknown): [number, number] {
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < 2 * ROUNDS + 20; round++) {
    const startMs = performance.now();
    for (let i = 0; i < 5; i++) (round % 2 === 0 ? before : after)();
    if (round >= 20) times[round % 2]!.push((performance.now() - startMs) / 5);
  }
  return times.map((list) => list.toSorted((a, b) => a - b)[list.length >> 1]!) as [number, number];
}

for (const [name, valueOf] of Object.entries(WORKLOADS)) {
  const records = Array.from({ length: RECORDS }, (_, i) => ({ key: `customer-${i}`, value: valueOf(i) }));
  const body = encoder.encode(JSON.stringify({ records }));
  const values = records.map(({ value }) => encoder.encode(JSON.stringify(value)));
  for (const [what, before, after] of [
    ['produce', () => parsed(body), () => sliced(body)],
    ['fetch', () => rewritten(values), () => passedOn(values)],
  ] as const) {
    const [beforeMs, afterMs] = compare(before, after);
    const ratio = (afterMs / beforeMs).toFixed(2);
    console.log(
      `${what} of ${RECORDS} records, each ${name}: ${beforeMs.toFixed(2)} -> ${afterMs.toFixed(2)} ms, ratio ${ratio}`,
    );
  }
}
