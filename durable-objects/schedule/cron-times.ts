/** Cron expressions, as the package croner reads them: five fields, in the clock of a time zone. */

import { Cron } from 'croner';
import type { CronTimes } from '../../core/schedules/occurrences.ts';
import { failure, type Failure } from '../../protocol/errors.ts';

/** The times of a cron expression; what comes in is refused with what is wrong with it. */
export function cronTimes(cron: string, timeZone: string): CronTimes | Failure {
  if (!isTimeZone(timeZone)) {
    return failure(
      'invalid_field',
      `body time_zone: "${timeZone}" is not the name of a time zone, such as Europe/Berlin or UTC`,
    );
  }
  try {
    const times = new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true });
    return {
      after: (ms) => times.nextRun(new Date(ms))?.getTime() ?? null,
      // It gives those before a time, in whole seconds.
      lastUntil: (ms) => {
        const before = new Date(Math.floor(ms / 1_000) * 1_000 + 1_000);
        return times.previousRuns(1, before)[0]?.getTime() ?? null;
      },
    };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/^Cron\w*: /, '');
    return failure(
      'invalid_field',
      `body cron: "${cron}" is not a cron expression of five fields: ${reason}`,
    );
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
