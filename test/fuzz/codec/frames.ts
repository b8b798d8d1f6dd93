/** What a consumer might send on its stream: settlements as text and as bytes, nearly settlements, and noise. */

import * as z from 'zod';
import { settleSchema } from '../../../protocol/schemas/deliveries.ts';
import { formatTag } from '../../../protocol/frames/delivery-tag.ts';
import { encodeSettlementFrame, type SettlementEntry } from '../../../protocol/frames/settlement-frame.ts';
import { SETTLEMENT_KINDS } from '../../../protocol/settlements.ts';
import type { Random } from '../../crash/random.ts';
import { jsonOf } from '../requests/raw-json.ts';
import { spoilBytes } from '../values/spoil-bytes.ts';
import { hostile, pick, valueOf, type Schema } from '../values/schema-values.ts';

const SETTLEMENT = z.toJSONSchema(settleSchema, { io: 'input' }) as Schema;
const HUGE_BYTES = 3_000_000;

/** Messages `[start, end)` that a stream was given. */
export interface KnownRun {
  queueId: number;
  lane: number;
  delivery: number;
  start: number;
  end: number;
}

export function drawFrame(random: Random, runs: readonly KnownRun[]): string | Uint8Array {
  const chance = random();
  if (chance < 0.05)
    return Uint8Array.from({ length: Math.floor(random() * 50) }, () => Math.floor(random() * 256));
  if (chance < 0.1) return jsonOf(hostile(random));
  if (chance < 0.13) return pick(random, ['x'.repeat(HUGE_BYTES), `[${'1,'.repeat(HUGE_BYTES / 2)}1]`]);
  if (chance < 0.25)
    return JSON.stringify({ prefetch: pick<unknown>(random, [0, 1, 5, 5, -1, 1e9, 'all', null]) });
  return chance < 0.6 ? drawText(random, runs) : drawBytes(random, runs);
}

function drawText(random: Random, runs: readonly KnownRun[]): string {
  const spite = pick(random, [0, 0.1, 0.5]);
  const value = valueOf(SETTLEMENT, random, spite) as Record<string, unknown> | null;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    value['id'] = random() < 0.9 ? 'asked' : hostile(random);
    if (runs.length > 0 && random() < 0.7) {
      const { start, ...run } = pick(random, runs);
      value['ack'] = [formatTag({ ...run, offset: start }), hostile(random)].slice(0, random() < 0.8 ? 1 : 2);
    }
  }
  const text = jsonOf(value);
  return random() < spite / 2 ? text.slice(0, Math.floor(random() * text.length)) : text;
}

function drawBytes(random: Random, runs: readonly KnownRun[]): Uint8Array {
  const count = random() < 0.05 ? 5_000 : Math.floor(random() * 4);
  const entries = Array.from({ length: count }, () => drawEntry(random, runs));
  const bytes = encodeSettlementFrame({ id: Math.floor(random() * 2 ** 32), entries });
  return random() < 0.3 ? spoilBytes(bytes, random) : bytes;
}

function drawEntry(random: Random, runs: readonly KnownRun[]): SettlementEntry {
  const kind = pick(random, SETTLEMENT_KINDS);
  const run =
    runs.length > 0 && random() < 0.8
      ? pick(random, runs)
      : { queueId: 1, lane: Math.floor(random() * 80), delivery: 1, start: 0, end: 1 };
  const end = random() < 0.1 ? run.start + pick(random, [0, 1_000, 2 ** 40, -1]) : run.end;
  const right = { extend: '{"lease_ms":100}', nack: '{"delay_ms":5}', reject: '{"error":{"type":"Odd"}}' };
  const fitting = right[kind as keyof typeof right] ?? '';
  const details =
    random() < 0.85 ? fitting : pick(random, ['{', '[]', 'null', '{"delay_ms":-1}', '\0', fitting]);
  return { kind, ...run, end, details };
}
