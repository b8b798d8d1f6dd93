/** Plan: what clients will do, drawn before the run begins, so that leaving out a part does not change the rest. */

import { randomFrom } from '../crash/random.ts';
import type { Operation } from './workload/operation.ts';
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

/** One seed in so many has the operations that are apart, and there is one of them for so many others. */
const APART_EVERY = 3;
const APART_SHARE = 12;

/** @param only the names of the operations to draw from; default: all */
export function drawPlan(seed: number, steps: number, only?: readonly string[]): PlannedOperation[] {
  if (only !== undefined) return drawOf(seed, steps, ({ name }) => only.includes(name));
  const common = drawOf(seed, steps, ({ isApart }) => !isApart);
  const apart = seed % APART_EVERY === 1 ? drawOf(~seed, Math.ceil(steps / APART_SHARE), isApart) : [];
  return [
    ...common,
    ...apart.map((each) => ({ ...each, id: `a${each.id}`, client: each.client + CLIENTS_MAX })),
  ];
}

const isApart = (operation: Operation): boolean => operation.isApart === true;

function drawOf(seed: number, steps: number, fits: (operation: Operation) => boolean): PlannedOperation[] {
  const operations = OPERATIONS.filter(fits);
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
