/**
 * Alarm: the one alarm of an object. Tasks say when they are due; the platform's alarm is set to the earliest and only
 * moved forward, because each move is a row written: an alarm that fires early finds nothing due and costs one call.
 *
 * Alarms may be late, come twice, or be lost. Therefore every request also runs what is due (`runDue`), and the
 * watchdog of the router calls now and then.
 */

export interface AlarmStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(scheduledTimeMs: number): Promise<void>;
}

/** Alarms can be a minute late; one that is later was lost, and is set again. */
const LATE_MS_MAX = 60_000;

/** After a task has failed: long enough not to spin, short enough to recover by itself. */
const RETRY_DELAY_MS = 30_000;

/**
 * The platform refuses times after 2189. What is due later than in ten years gets an alarm then, which finds nothing due and
 * sets the next.
 */
const AHEAD_MS_MAX = 315_360_000_000;

/** Does what is due and says when it is due next, in ms. Null: never, unless it was scheduled meanwhile. */
export type Task = (nowMs: number) => number | null;

export class Alarm {
  readonly #storage: AlarmStorage;
  readonly #now: () => number;
  readonly #tasks = new Map<string, { run: Task; dueMs: number | null }>();
  /** When the platform's alarm is set to fire. */
  #armedMs: number | null;
  /** When the earliest task is due; Infinity: none is. Kept by `#arm`, so it may be behind while tasks run. */
  #earliestMs = Infinity;
  /**
   * The task that runs now; null: none. Its time is the past one until it is scheduled. Others that are due are past their time too,
   * so the platform's alarm is set when all have run.
   */
  #running: { name: string; isScheduled: boolean } | null = null;
  /** How often it was set: each is a row written. */
  timesSet = 0;

  /** `armedMs` is what the storage says: `await storage.getAlarm()`. */
  constructor(storage: AlarmStorage, armedMs: number | null, now: () => number) {
    this.#storage = storage;
    this.#armedMs = armedMs;
    this.#now = now;
  }

  /** Adds a task that `run` performs. It is not due until `schedule` says so. */
  register(name: string, run: Task): void {
    this.#tasks.set(name, { run, dueMs: null });
  }

  /** Says when a task is due; an earlier time that was said before is replaced. */
  schedule(name: string, dueMs: number | null): void {
    const task = this.#tasks.get(name);
    if (!task) throw new Error(`no task ${name} is registered`);
    task.dueMs = dueMs;
    if (this.#running?.name === name) this.#running.isScheduled = true;
    this.#arm();
  }

  /** As `schedule`, but never later than was said before. */
  scheduleEarlier(name: string, dueMs: number | null): void {
    const isPast = this.#running?.name === name && !this.#running.isScheduled;
    const known = isPast ? null : (this.#tasks.get(name)?.dueMs ?? null);
    if (dueMs !== null && (known === null || dueMs < known)) this.schedule(name, dueMs);
  }

  /** Forgets all times, for an object that has deleted its alarm and everything else. */
  forgetAll(): void {
    for (const task of this.#tasks.values()) task.dueMs = null;
    this.#earliestMs = Infinity;
    this.#armedMs = null;
  }

  /** True if the task waits for its time. */
  isScheduled(name: string): boolean {
    return this.#tasks.get(name)?.dueMs != null;
  }

  /** Runs every due task. Cheap if none is due, because every request calls it. */
  runDue(): void {
    const nowMs = this.#now();
    const isArmed = this.#armedMs !== null && this.#armedMs >= nowMs - LATE_MS_MAX;
    if (nowMs < this.#earliestMs && (isArmed || this.#earliestMs === Infinity)) return;
    let ran = false;
    for (const [name, task] of this.#tasks) {
      if (task.dueMs === null || task.dueMs > nowMs) continue;
      ran = true;
      const running = (this.#running = { name, isScheduled: false });
      try {
        const nextMs = task.run(nowMs);
        if (nextMs !== null || !running.isScheduled) task.dueMs = nextMs;
      } catch (error) {
        console.error(`task ${name} failed; it runs again in ${RETRY_DELAY_MS / 1000} s`, error);
        task.dueMs = nowMs + RETRY_DELAY_MS;
      }
    }
    this.#running = null;
    if (ran || !isArmed) this.#arm();
  }

  /** What `alarm()` of the object calls. Never throws: the platform gives up on an alarm that keeps failing. */
  fired(): void {
    this.#armedMs = null;
    this.runDue();
    this.#arm();
  }

  #arm(): void {
    if (this.#running !== null) return;
    let earliest = Infinity;
    for (const { dueMs } of this.#tasks.values()) {
      if (dueMs !== null && dueMs < earliest) earliest = dueMs;
    }
    this.#earliestMs = earliest;
    if (earliest === Infinity) return;
    const nowMs = this.#now();
    // A present or past time is dropped by the platform.
    const atMs = Math.min(Math.max(earliest, nowMs + 1), nowMs + AHEAD_MS_MAX);
    const isLost = this.#armedMs !== null && this.#armedMs < nowMs - LATE_MS_MAX;
    if (this.#armedMs !== null && this.#armedMs <= atMs && !isLost) return;
    this.#armedMs = atMs;
    this.timesSet += 1;
    this.#storage.setAlarm(atMs).catch((error: unknown) => {
      this.#armedMs = null; // the next request arms it again
      console.error('the alarm could not be set', error);
    });
  }
}
