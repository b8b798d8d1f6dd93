/** Answers to waiting readers, sent when there may be something for them. The alarm repeats what fails. */

import type { ObjectContext } from '../../runtime/context.ts';
import type { Wait, Waiters } from '../../runtime/waiters.ts';

const TASK = 'answers';

/** After the storage has failed. */
const RETRY_MS = 1_000;

type Context = Pick<ObjectContext, 'alarm' | 'now'>;

/** Null if the reader has to wait longer. */
type AnswerTo = (wait: Wait) => Uint8Array | null | 'gone';

export class AnswerWaiters {
  readonly #context: Context;
  readonly #waiters: Waiters;
  readonly #answerTo: AnswerTo;

  constructor(context: Context, waiters: Waiters, answerTo: AnswerTo) {
    this.#context = context;
    this.#waiters = waiters;
    this.#answerTo = answerTo;
    context.alarm.register(TASK, () => this.#try());
  }

  /** Never throws. */
  answer(): void {
    this.#context.alarm.scheduleEarlier(TASK, this.#try());
  }

  /** @returns when to try again, in ms; null if nothing failed */
  #try(): number | null {
    try {
      this.#waiters.answer(this.#answerTo);
      return null;
    } catch (error) {
      console.error('readers that wait could not be answered; trying again', error);
      return this.#context.now() + RETRY_MS;
    }
  }
}
