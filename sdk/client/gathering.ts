/**
 * Gathering: says when what waits for company goes. If nothing is under way, at the end of the turn. Else it gathers until
 * an answer comes, but no longer than a few milliseconds, so that a request that hangs holds nothing up. So a message that
 * is alone never waits, and under load batches grow with the time that a request takes.
 */

import { atEndOfTurn } from './end-of-turn.ts';

/** The longest wait behind what is under way, in ms. */
export const GATHER_MS_MAX = 5;

export class Gathering {
  readonly #lingerMs: number;
  readonly #due: () => void;
  readonly #gatherMs: number;
  #state: 'nothing' | 'turn' | 'behind' | 'lingers' = 'nothing';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #underWay = 0;

  /**
   * @param lingerMs the application's wish to wait for more; 0: none
   * @param due lets everything go that waits
   * @param gatherMs the longest wait behind what is under way
   */
  constructor(lingerMs: number, due: () => void, gatherMs = GATHER_MS_MAX) {
    this.#lingerMs = lingerMs;
    this.#due = due;
    this.#gatherMs = gatherMs;
  }

  /** Something waits. */
  begin(): void {
    if (this.#state !== 'nothing') return;
    if (this.#lingerMs > 0) return this.#wait('lingers', this.#lingerMs);
    this.#state = 'turn';
    atEndOfTurn(() => this.#turnEnded());
  }

  /** Something came that does not linger. */
  hurry(): void {
    if (this.#state !== 'lingers') return;
    this.end();
    this.#state = 'turn';
    atEndOfTurn(() => this.#turnEnded());
  }

  /** Nothing waits any more. */
  end(): void {
    this.#state = 'nothing';
    clearTimeout(this.#timer);
  }

  /** A request left. */
  left(): void {
    this.#underWay++;
  }

  /** A request has ended, whatever its answer. */
  returned(): void {
    this.#underWay--;
    if (this.#underWay === 0 && this.#state === 'behind') this.#go();
  }

  #turnEnded(): void {
    if (this.#state !== 'turn') return;
    if (this.#underWay === 0) this.#go();
    else this.#wait('behind', this.#gatherMs);
  }

  #wait(state: 'behind' | 'lingers', ms: number): void {
    this.#state = state;
    this.#timer = setTimeout(() => this.#go(), ms);
  }

  #go(): void {
    this.end();
    this.#due();
  }
}
