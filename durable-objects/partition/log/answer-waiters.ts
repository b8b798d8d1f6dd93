/** Answers to waiting readers, sent when there may be something for them. The alarm repeats what fails. */

import type { Alarm } from '../../runtime/alarm.ts';
import type { Wait, Waiters } from '../../runtime/waiters.ts';

const TASK = 'answers';

/** After the storage has failed. */
const RETRY_MS = 1_000;

export interface AnswerHost {
  now(): number;
  /** Null if the reader has to wait longer. */
  answerTo(wait: Wait): Uint8Array | null | 'gone';
}

export class AnswerWaiters {
  readonly #alarm: Alarm;
  readonly #waiters: Waiters;
  readonly #host: AnswerHost;

  constructor(alarm: Alarm, waiters: Waiters, host: AnswerHost) {
    this.#alarm = alarm;
    this.#waiters = waiters;
    this.#host = host;
    alarm.register(TASK, () => this.#try());
  }

  /** Never throws. */
  answer(): void {
    this.#alarm.scheduleEarlier(TASK, this.#try());
  }

  /** @returns when to try again, in ms; null if nothing failed */
  #try(): number | null {
    try {
      this.#waiters.answer((wait) => this.#host.answerTo(wait));
      return null;
    } catch (error) {
      console.error('readers that wait could not be answered; trying again', error);
      return this.#host.now() + RETRY_MS;
    }
  }
}
