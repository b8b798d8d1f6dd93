/**
 * Schedule object: publishes a message at the times of a cron expression. Each schedule is an object, so that a target
 * that fails delays no other schedule. It asks the topology only for routing.
 */

import { DurableObject } from 'cloudflare:workers';
import {
  addPublish,
  messageIdOf,
  nextDue,
  nextOccurrence,
  PENDING_MAX,
  putOff,
  removePublish,
  takeDue,
  type CronTimes,
  type Publish,
} from '../../core/schedules/occurrences.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import { judgeAttempt } from '../../core/webhook/attempt.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';
import { Alarm } from '../runtime/alarm.ts';
import { DurableSql } from '../storage/durable-sql.ts';
import type { Env } from '../env.ts';
import { cronTimes } from './cron-times.ts';
import { publishOccurrence, type PublishResult } from './publish-occurrence.ts';
import type { ScheduleDescription, Triggered, ScheduleMethods } from '../rpc/schedule.ts';
import { ScheduleStore, type StoredState } from './schedule-store.ts';

interface Open {
  definition: ScheduleDefinition;
  state: StoredState;
  times: CronTimes;
}

export class Schedule extends DurableObject<Env> implements ScheduleMethods {
  readonly #store: ScheduleStore;
  #alarm!: Alarm;
  #open: Open | null = null;
  /** The publishing that is under way: one publish after another. */
  #publishing: Promise<void> | null = null;
  /** What came of publishes that a trigger waits for, by their ids. */
  readonly #results = new Map<number, PublishResult>();

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new ScheduleStore(new DurableSql(ctx.storage));
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarm = new Alarm(ctx.storage, await ctx.storage.getAlarm(), () => Date.now());
      this.#alarm.register('occurrence', () => this.#run());
      const stored = this.#store.read();
      if (!stored) return;
      this.#open = { ...stored, times: timesOf(stored.definition) };
      this.#alarm.schedule('occurrence', nextDue(stored.state));
    });
  }

  /** Takes a definition from the topology: makes the schedule, or changes it. An older one changes nothing. */
  configure(definition: ScheduleDefinition): void {
    const before = this.#open;
    if (before && before.definition.version >= definition.version) return;
    const times = timesOf(definition);
    const state: StoredState = before?.state ?? { nextMs: null, number: 0, pending: [], last: null };
    const next = hasSameTimes(before?.definition, definition)
      ? state.nextMs
      : definition.isPaused
        ? null
        : // Clocks of machines differ. An occurrence that was due by one clock is not due again by a clock that is behind.
          nextOccurrence(times, definition.config, Math.max(Date.now(), state.latestMs ?? 0));
    const open = { definition, times, state: { ...state, nextMs: next } };
    this.#store.write(definition, open.state); // before memory knows it: told again after a failure, it has to write
    this.#open = open;
    this.#alarm.schedule('occurrence', nextDue(open.state));
  }

  /** Deletes everything and releases the storage. */
  async destroy(): Promise<void> {
    this.#open = null;
    this.#alarm.schedule('occurrence', null);
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** Null if it has not been told of its definition yet. */
  describe(): ScheduleDescription | null {
    this.#alarm.runDue();
    if (!this.#open) return null;
    const { nextMs, last, pending } = this.#open.state;
    return { next: nextMs, last, pending: pending.length };
  }

  /** Publishes now, at any time and even while paused. */
  async trigger(trace?: TraceContext): Promise<Triggered | Failure | null> {
    const open = this.#open;
    if (!open) return null;
    const { name } = open.definition;
    if (open.state.pending.length >= PENDING_MAX) {
      return failure(
        'schedule_busy',
        `schedule "${name}" has ${PENDING_MAX} publishes that could not be made yet`,
        {
          retry_after_s: 30,
        },
      );
    }
    this.#write(open, { ...open.state, ...addPublish(open.state, Date.now(), 'trigger', Date.now(), trace) });
    const publish = open.state.pending.at(-1)!;
    await this.#publish();
    const messageId = messageIdOf(open.definition, publish);
    const result = this.#results.get(publish.id);
    this.#results.delete(publish.id);
    if (!result || result.outcome === 'refused') return { messageId, outcome: 'pending' };
    return { messageId, outcome: result.outcome, ...('cause' in result && { failedWith: result.cause }) };
  }

  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): void {
    this.#alarm.runDue();
  }

  /** Ends only after the publish, because the platform repeats an alarm that the end of the object interrupts. */
  override async alarm(): Promise<void> {
    this.#alarm.fired();
    await this.#publishing;
  }

  #run(): number | null {
    const open = this.#open;
    if (!open) return null;
    const taken = takeDue(open.state, open.definition.config, open.times, Date.now());
    if (taken !== open.state) this.#write(open, { ...open.state, ...taken });
    this.ctx.waitUntil(this.#publish());
    return null; // the end of publishing says when next
  }

  #publish(): Promise<void> {
    this.#publishing ??= this.#publishAll()
      .catch((error: unknown) => console.error('a schedule could not publish', error))
      .finally(() => {
        this.#publishing = null;
        if (this.#open) this.#alarm.schedule('occurrence', nextDue(this.#open.state));
      });
    return this.#publishing;
  }

  async #publishAll(): Promise<void> {
    for (;;) {
      const open = this.#open;
      const publish = open?.state.pending[0];
      if (!open || !publish || publish.dueMs > Date.now()) return;
      await this.#attempt(open, publish);
    }
  }

  async #attempt(open: Open, publish: Publish): Promise<void> {
    let result: PublishResult | Error;
    try {
      result = await publishOccurrence(this.env, open.definition, publish, Date.now());
    } catch (error) {
      result = error as Error;
    }
    if (this.#open?.definition.id !== open.definition.id) return; // it was deleted meanwhile
    const current = this.#open;
    const isMade = !(result instanceof Error) && result.outcome !== 'refused';
    const verdict = isMade ? null : retryOf(publish);
    if (verdict?.kind === 'retry') {
      console.error(`schedule ${current.definition.name} could not publish; trying again`, causeOf(result));
      const isSpent = !(result instanceof Error);
      this.#write(current, { ...current.state, ...putOff(current.state, publish, verdict.atMs, isSpent) });
      return;
    }
    const cause = causeOf(result);
    const last: StoredState['last'] = {
      occurrence: publish.occurrenceMs,
      by: publish.by,
      at: Date.now(),
      outcome: cause ? 'failed' : (result as { outcome: 'published' | 'unroutable' }).outcome,
      ...(cause && { code: cause.code, detail: cause.message }),
    };
    if (publish.by === 'trigger' && !(result instanceof Error)) this.#results.set(publish.id, result);
    this.#write(current, { ...current.state, ...removePublish(current.state, publish), last });
  }

  #write(open: Open, state: StoredState): void {
    this.#store.writeState(state);
    open.state = state;
  }
}

/** As webhooks are tried again: from five seconds to ten minutes, for a day. */
function retryOf({ attempts, firstMs }: Publish) {
  const context = { nowMs: Date.now(), random: Math.random() };
  return judgeAttempt({ error: 'not stored' }, { attempts: attempts + 1, firstMs }, context);
}

function causeOf(result: PublishResult | Error): Failure | null {
  if (result instanceof Error) return failure('internal_error', result.message);
  return 'cause' in result ? result.cause : null;
}

function hasSameTimes(before: ScheduleDefinition | undefined, after: ScheduleDefinition): boolean {
  if (before === undefined) return false;
  const timesOnly = ({ config: { cron, time_zone, ends_at }, isPaused }: ScheduleDefinition): string =>
    JSON.stringify([cron, time_zone, ends_at, isPaused]);
  return timesOnly(before) === timesOnly(after);
}

function timesOf({ config: { cron, time_zone: timeZone } }: ScheduleDefinition): CronTimes {
  const times = cronTimes(cron, timeZone);
  if (isFailure(times)) throw new Error(`a schedule has times that cannot be: ${times.message}`);
  return times;
}
