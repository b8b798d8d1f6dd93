/** Object context: what an object shares with its parts. */

import type { Env } from '../env.ts';
import type { Sql } from '../storage/sql.ts';
import type { Alarm } from './alarm.ts';

export interface ObjectContext {
  readonly env: Env;
  readonly sql: Sql;
  readonly alarm: Alarm;
  /** The clock, in ms. Tests replace it. */
  readonly now: () => number;
  /** Keeps the object alive until the work has ended. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}
