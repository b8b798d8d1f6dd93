/**
 * Visit plan: which objects a run of the watchdog visits. Each kind has a number of slots; a run visits the objects of one slot, so
 * that all have been visited after as many runs. Many objects have more slots, because the platform bounds the calls of a run.
 */

import { murmur2 } from '../../protocol/murmur2.ts';

/** How often the cron trigger runs, as wrangler.toml says. */
export const INTERVAL_MS = 300_000;

const SLOTS_OF_HOUR = 3_600_000 / INTERVAL_MS;
const SLOTS_OF_DAY = 86_400_000 / INTERVAL_MS;

/** Below the platform's 10,000: the list of namespaces is read besides. */
export const CALLS_PER_RUN = 9_000;

/** `slots`: of few objects. `visits`: of one namespace in a run; all kinds together stay below the calls of a run. */
const KINDS = {
  schedules: { slots: 1, visits: 1_000 },
  queues: { slots: SLOTS_OF_HOUR, visits: 6_000 },
  groups: { slots: SLOTS_OF_DAY, visits: 500 },
  partitions: { slots: SLOTS_OF_DAY, visits: 1_000 },
  subscriptions: { slots: SLOTS_OF_HOUR, visits: 350 },
} as const;

/** Coordinators that a run visits, if it can: of more, a third, or a twelfth. Readers wait for them, so never fewer. */
const COORDINATORS_PER_RUN = 100;

/** Each divides the next: one more object, which makes it the next number, makes none wait for longer than that. */
export function slotsFor(kind: keyof typeof KINDS, objects: number): number {
  const { slots: fewest, visits } = KINDS[kind];
  let slots: number = fewest;
  while (objects > slots * visits) slots *= 2;
  return slots;
}

export function slotsForCoordinators(coordinators: number): number {
  return [1, 3].find((slots) => coordinators <= slots * COORDINATORS_PER_RUN) ?? SLOTS_OF_HOUR;
}

export function slotAt(scheduledMs: number): number {
  return Math.floor(scheduledMs / INTERVAL_MS);
}

export function isInSlot(slot: number, slots: number, objectName: string): boolean {
  return hashOf(objectName) % slots === slot % slots;
}

/** Returns the namespaces in the order of their turns: each run begins at another one, in case its calls do not suffice. */
export function inTurn(namespaces: readonly string[], slot: number): string[] {
  const first = namespaces.length === 0 ? 0 : hashOf(String(slot)) % namespaces.length;
  return [...namespaces.slice(first), ...namespaces.slice(0, first)];
}

function hashOf(text: string): number {
  return murmur2(new TextEncoder().encode(text)) >>> 0;
}
