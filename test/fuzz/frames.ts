/** What a consumer might send on its stream: settlements, nearly settlements, and noise. */

import { z } from 'zod';
import { settleSchema } from '../../protocol/deliveries.ts';
import type { Random } from '../crash/random.ts';
import { hostile, pick, valueOf, type Schema } from './schema-values.ts';

const SETTLEMENT = z.toJSONSchema(settleSchema, { io: 'input' }) as Schema;

export function drawFrame(random: Random, tags: readonly string[]): string | Uint8Array {
  const spite = pick(random, [0, 0.1, 0.5]);
  const chance = random();
  if (chance < 0.1)
    return Uint8Array.from({ length: Math.floor(random() * 50) }, () => Math.floor(random() * 256));
  if (chance < 0.2) return JSON.stringify(hostile(random)) ?? '';
  const value = valueOf(SETTLEMENT, random, spite) as Record<string, unknown> | null;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    value['id'] = random() < 0.9 ? 'asked' : hostile(random);
    if (tags.length > 0 && random() < 0.5)
      value['ack'] = [pick(random, tags), hostile(random)].slice(0, random() < 0.7 ? 1 : 2);
  }
  const text = JSON.stringify(value) ?? '';
  return random() < spite / 2 ? text.slice(0, Math.floor(random() * text.length)) : text;
}
