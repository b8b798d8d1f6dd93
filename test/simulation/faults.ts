/** Faults: what can go wrong, and how often. Each run draws its own mix: some faults often, some never. */

import type { Random } from '../crash/random.ts';

export const FAULTS = [
  'delay',
  'loss',
  'duplicate',
  'crash',
  'evict',
  'machine',
  'clock',
  'alarm',
  'storage',
  'gate',
] as const;

/**
 *   delay      messages that take seconds instead of milliseconds, and so overtake each other
 *   loss       requests that never arrive, and replies that never come back to what was done
 *   duplicate  messages that arrive twice
 *   crash      an object loses its memory, and what is not durable, between any two of its steps
 *   evict      an idle object leaves memory
 *   machine    a machine ends with all its objects, its routers and their caches
 *   clock      clocks that differ by up to a minute, and jump
 *   alarm      alarms that come late, twice, or never
 *   storage    a statement that fails
 *   gate       writes that never become durable: the object is reset, and what waited for them with it
 */
export type Fault = (typeof FAULTS)[number];

/** The share of occasions, from 0 to 1, at which the fault happens. */
export type FaultRates = Record<Fault, number>;

const OFTEN: FaultRates = {
  delay: 0.02,
  loss: 0.02,
  duplicate: 0.02,
  crash: 0.01,
  evict: 0.03,
  machine: 0.001,
  clock: 1,
  alarm: 0.2,
  storage: 0.01,
  gate: 0.005,
};

export const NO_FAULTS: FaultRates = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as FaultRates;

/** @param allowed the others never happen */
export function drawFaults(random: Random, allowed: readonly Fault[]): FaultRates {
  const rates = { ...NO_FAULTS };
  for (const fault of FAULTS) {
    const [isOn, strength] = [random() < 0.6, random()];
    if (isOn && allowed.includes(fault)) rates[fault] = OFTEN[fault] * (0.2 + 1.8 * strength ** 2);
  }
  return rates;
}

export function isFault(text: string): text is Fault {
  return (FAULTS as readonly string[]).includes(text);
}
