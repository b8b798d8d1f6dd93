/** Two lives of a consumer: the first ends in the middle of its inputs. */

import { numbers } from '../harness.ts';

export const INPUTS = 10;
export const CRASH_AT = 3;

export type Moment = 'before the work' | 'between the work and telling of it';
export const MOMENTS: Moment[] = ['before the work', 'between the work and telling of it'];

/** How often the work of each input was done. */
export class Work {
  readonly counts = new Map<number, number>();

  do(number: number): void {
    this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
  }

  get all(): number[] {
    return numbers(INPUTS).map((number) => this.counts.get(number) ?? 0);
  }
}

/** What a process that has died does. */
export const never = (): Promise<never> => new Promise(() => {});
