/**
 * Rule applier: brings policies and alert rules to the queues, slice by slice, and tells the queues of each slice before
 * the next. Calls to the topology run between slices. A pass that a crash has cut goes on by the alarm.
 */

import { progressOf, type RuleProgress } from '../../../../core/topology/rules/rule-pass.ts';
import type { Alarm } from '../../../runtime/alarm.ts';
import type { DefinitionPropagator } from '../../propagation/definition-propagator.ts';
import type { TopologyStore } from '../../topology-store.ts';
import { nextTurn } from '../../../runtime/next-turn.ts';

/** Queues told at the same time: few, so that publishes get their turn on a machine that runs all objects. */
const FAN_OUT = 4;

/** After which the alarm goes on with a pass that nobody works at. */
const RESUME_MS = 5_000;

export class RuleApplier {
  readonly #store: TopologyStore;
  readonly #propagator: DefinitionPropagator;
  readonly #alarm: Alarm;
  #applying: Promise<void> | null = null;

  constructor(store: TopologyStore, propagator: DefinitionPropagator, alarm: Alarm) {
    this.#store = store;
    this.#propagator = propagator;
    this.#alarm = alarm;
  }

  /** Sets the alarm that goes on with the pass after a crash. */
  begin(): void {
    const hasPass = mayHaveWork(() => this.#store.rulePass.get() !== null);
    if (hasPass) this.#alarm.scheduleEarlier('rules', Date.now() + RESUME_MS);
  }

  /** Works until all rules have reached all queues. */
  apply(): Promise<void> {
    this.#applying ??= this.#apply().finally(() => (this.#applying = null));
    return this.#applying;
  }

  /** @param version of the last change of the rule */
  progressOf(version: number): RuleProgress {
    return progressOf(this.#store.rulePass.get(), version, this.#store.queues.count());
  }

  async #apply(): Promise<void> {
    // The change of the rule itself has made the first slice.
    await this.#tell(
      this.#store.changes.effectsAfter(0, EFFECTS_OF_A_SLICE).map(({ definition }) => definition.name),
    );
    for (;;) {
      const changed = this.#store.applyRules();
      if (changed === null) break;
      await this.#tell(changed.map(({ name }) => name));
      await nextTurn();
    }
    this.#alarm.schedule('rules', null);
    if (this.#store.changes.effectsAfter(0, 1).length > 0)
      this.#alarm.scheduleEarlier('effects', Date.now() + RESUME_MS);
  }

  async #tell(queues: readonly string[]): Promise<void> {
    for (let first = 0; first < queues.length; first += FAN_OUT) {
      const some = queues.slice(first, first + FAN_OUT);
      await Promise.all(some.map((name) => this.#propagator.tell('queue', name)));
    }
  }
}

const EFFECTS_OF_A_SLICE = 64;

/**
 * Whether there is work to come back to, which is stored already. If that cannot be looked up there may be: who assumes none
 * would set no alarm for it.
 */
export function mayHaveWork(hasWork: () => boolean): boolean {
  try {
    return hasWork();
  } catch (error) {
    console.error('what has to be done could not be looked up; the alarm looks again', error);
    return true;
  }
}

/** Waits for work, up to a time; the work goes on in any case. @returns whether it is done */
export async function isDoneWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => (timer = setTimeout(resolve, ms, false)));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
