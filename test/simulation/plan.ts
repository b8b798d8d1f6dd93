/** Plan: what clients will do, drawn before the run begins, so that leaving out a part does not change the rest. */

import { randomFrom } from '../crash/random.ts';
import { OPERATIONS } from './workload/operations.ts';

export interface PlannedOperation {
  client: number;
  /** Unique in the run. */
  id: string;
  name: string;
  seed: number;
  /** How long the client thinks before it, in ms. */
  pauseMs: number;
}

const CLIENTS_MAX = 6;

/** @param only the names of the operations to draw from; default: all */
export function drawPlan(seed: number, steps: number, only?: readonly string[]): PlannedOperation[] {
  const operations = OPERATIONS.filter(({ name }) => only?.includes(name) ?? true);
  const random = randomFrom(seed ^ 0x51ab);
  const clients = 2 + Math.floor(random() * (CLIENTS_MAX - 1));
  const hurry = 20 + random() * 300;
  const total = operations.reduce((sum, { weight }) => sum + weight, 0);
  return Array.from({ length: steps }, (_, index) => {
    let place = random() * total;
    const { name } = operations.find(({ weight }) => (place -= weight) < 0)!;
    const pauseMs = random() < 0.05 ? random() * 8_000 : random() * hurry;
    return {
      client: Math.floor(random() * clients),
      id: String(index),
      name,
      seed: Math.floor(random() * 2 ** 31),
      pauseMs,
    };
  });
}
