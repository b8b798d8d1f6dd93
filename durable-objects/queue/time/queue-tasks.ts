/**
 * Queue tasks: what a queue does by time. Leases and messages expire, parked messages come back, dead letters leave,
 * and an unused queue is deleted.
 */

import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import type { Task } from '../../runtime/alarm.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { RetryTask } from '../../forwarding/retry-task.ts';
import { sendOutbox } from '../dead-letters/outbox-sender.ts';
import { IN_USE, type StoredDefinition } from '../rows/queue-store.ts';
import type { StoredQueue } from '../stored-queue.ts';

export interface Open {
  definition: QueueDefinition;
  queue: StoredQueue;
  /** When somebody used it last. */
  usedMs: number;
  /** As stored: only now and then, because it is a row. `IN_USE` while streams are open. */
  storedUsedMs: number;
}

/** What the tasks ask of the object. */
export interface TaskHost {
  open(): Open | null;
  /** Gives what has become ready to those who wait. */
  serve(): void;
  /** After a commit; by time if messages may have come back. */
  changed(isByTime: boolean): void;
  /** How many wait. */
  consumers(): number;
  /** Whether a stream is open. */
  hasStreams(): boolean;
  /** Nothing is leased. */
  noneLeased(): void;
  writeQueue(stored: StoredDefinition): void;
  /** Asks the topology for the end of the queue. */
  deleteItself(definition: QueueDefinition): void;
}

/** After a queue has asked for its deletion: when it asks again, as long as nobody has used it for its time. */
const DELETION_RETRY_MS_MIN = 5_000;
const DELETION_RETRY_MS_MAX = 300_000;

/** The share of a queue's `expires_ms` by which the stored time of its last use may lag. */
const USE_LAG = 0.1;

/** Between two looks whether open streams have become silent, in ms. One that closes is noticed at once. */
const STREAMS_LOOK_MS = 900_000;

/**
 * Between two looks for messages that have expired, in the long run: many then share one alarm. Looks that were not needed are saved
 * up, so that a queue in which little expires looks at the very time.
 */
const EXPIRY_INTERVAL_MS = 1_000;
const EXPIRY_LOOKS_SAVED = 60;

/** Between two looks in any case. */
const EXPIRY_GAP_MS = 20;

export class QueueTasks {
  readonly #alarm: ObjectContext['alarm'];
  readonly #now: ObjectContext['now'];
  readonly #host: TaskHost;
  readonly #tasks: Record<string, (open: Open, nowMs: number) => number | null>;
  /** Sends dead letters and replayed messages. */
  readonly #outbox: RetryTask;
  /** When it may look for expired messages again. */
  #nextLookMs = -Infinity;
  /** The time up to which its looks have used up what it may have in the long run. */
  #looksPaidMs = -Infinity;

  constructor(context: ObjectContext, host: TaskHost) {
    const { alarm, env } = context;
    this.#alarm = alarm;
    this.#now = context.now;
    this.#host = host;
    this.#tasks = {
      leases: (open, nowMs) => this.#expireLeases(open, nowMs),
      parked: ({ queue }, nowMs) => this.#promote(queue, nowMs),
      expiry: ({ queue }, nowMs) => this.#expireMessages(queue, nowMs),
      replays: ({ queue }, nowMs) => queue.commit(() => queue.deadLetters.replay(nowMs)),
      ids: (open, nowMs) => this.#forgetIds(open, nowMs),
      unused: (open, nowMs) => this.#expireQueue(open, nowMs),
    };
    for (const [name, run] of Object.entries(this.#tasks)) {
      const task: Task = (nowMs) => {
        const open = host.open();
        if (!open) return null;
        const due = run(open, nowMs);
        this.#outbox.wake();
        host.changed(true);
        return due;
      };
      alarm.register(name, task);
    }
    this.#outbox = new RetryTask(context, 'outbox', {
      label: () => `messages of queue ${host.open()?.definition.name}`,
      hasWork: () => (host.open()?.queue.outgoing ?? 0) > 0,
      send: async () => {
        const open = host.open();
        return open && (await sendOutbox(env, open.definition, open.queue));
      },
    });
  }

  /** Schedules what the rows of a queue ask for, which was just read from them. */
  begin(open: Open): void {
    const { definition, queue } = open;
    const nowMs = this.#now();
    this.schedule();
    this.#alarm.scheduleEarlier('parked', queue.nextParkedMs());
    if (open.storedUsedMs === IN_USE) this.streamsChanged(open); // they may have ended with the last life of the object
    this.scheduleUnused(open);
    this.#alarm.scheduleEarlier('expiry', nowMs + 1);
    if (queue.state.dedup.size > 0)
      this.#alarm.schedule('ids', nowMs + definition.config.dedup_window_ms + 1);
    if (queue.deadLetters.isReplaying) this.#alarm.schedule('replays', nowMs + 1);
  }

  /** The definition has changed: what it says of time holds from now on. */
  configured(open: Open): void {
    const nowMs = this.#now();
    this.#alarm.schedule('expiry', nowMs + 1);
    this.#outbox.hurry(); // perhaps for another target
    this.scheduleUnused(open);
    this.streamsChanged(open);
  }

  /** Why dead letters are still here; null if nothing is in their way. */
  get outgoingProblem(): string | null {
    return this.#outbox.problem;
  }

  /** A replay was begun. */
  scheduleReplays(): void {
    this.#alarm.scheduleEarlier('replays', this.#now() + 1);
  }

  /** Nothing is leased any more: an alarm for the sake of leases would find nothing. */
  noneLeased(): void {
    this.#alarm.schedule('leases', null);
  }

  cancel(): void {
    for (const name of Object.keys(this.#tasks)) this.#alarm.schedule(name, null);
    this.#outbox.cancel();
  }

  /** After a change. Almost always finds everything scheduled: moving the alarm is one more row. */
  schedule(): void {
    const open = this.#host.open();
    if (!open) return;
    const { queue, definition } = open;
    if (queue.state.earliestExpiryMs < Infinity) {
      this.#alarm.scheduleEarlier('leases', queue.state.earliestExpiryMs);
    }
    this.#lookForExpired(queue);
    const parkedMs = queue.takeNextParked();
    if (parkedMs < Infinity) this.#alarm.scheduleEarlier('parked', parkedMs);
    if (queue.state.dedup.size > 0 && !this.#alarm.isScheduled('ids')) {
      this.#alarm.schedule('ids', this.#now() + definition.config.dedup_window_ms + 1);
    }
    this.#outbox.wake();
    this.#host.changed(false);
  }

  /**
   * Somebody has used the queue, which postpones `expires_ms`: took messages, settled, looked at them, or has waited until now.
   * Never throws.
   */
  noteUse(open: Open): void {
    open.usedMs = this.#now();
    const { expires_ms: expiresMs } = open.definition.config;
    // While streams are open their end counts, so that no use has to be stored.
    if (expiresMs === null || open.storedUsedMs === IN_USE) return;
    if (open.usedMs - open.storedUsedMs >= expiresMs * USE_LAG) this.#storeUse(open, open.usedMs);
  }

  handedOut(open: Open): void {
    this.noteUse(open);
    this.schedule();
  }

  /** A stream has come or left. */
  streamsChanged(open: Open): void {
    open.usedMs = this.#now();
    if (open.definition.config.expires_ms !== null) {
      const hasStreams = this.#host.hasStreams();
      const isStored = hasStreams === (open.storedUsedMs === IN_USE);
      if (!isStored) this.#storeUse(open, hasStreams ? IN_USE : open.usedMs);
      if (!isStored && !hasStreams) this.scheduleUnused(open);
    }
    this.schedule();
  }

  #storeUse(open: Open, usedMs: number): void {
    const { definition, queue } = open;
    try {
      this.#host.writeQueue({ definition, isPaused: queue.state.isPaused, usedMs });
      open.storedUsedMs = usedMs;
    } catch (error) {
      console.error(`the last use of queue ${definition.name} could not be stored`, error);
    }
  }

  /** Whether the queue still wants the deletion that it has asked for: meanwhile somebody may have come. */
  deletionWanted(open: Open, why: 'unused' | 'left'): boolean {
    if (why === 'left') return this.#host.consumers() === 0;
    const { expires_ms: expiresMs } = open.definition.config;
    return expiresMs !== null && !this.#isInUse(open) && open.usedMs + expiresMs <= this.#now();
  }

  scheduleUnused({ definition, usedMs }: Open): void {
    const { expires_ms: expiresMs } = definition.config;
    if (expiresMs === null) return this.#alarm.schedule('unused', null);
    const inMs = this.#host.hasStreams() ? Math.max(expiresMs, STREAMS_LOOK_MS) : expiresMs;
    this.#alarm.schedule('unused', usedMs + inMs);
  }

  #expireLeases(open: Open, nowMs: number): number | null {
    const { queue } = open;
    const expired = queue.commit(() => queue.expireLeases(nowMs));
    this.#lookForExpired(queue);
    if (expired > 0) {
      this.noteUse(open);
      this.#host.serve();
    }
    const { earliestExpiryMs, leased } = queue.state;
    if (leased === 0) this.#host.noneLeased();
    return earliestExpiryMs === Infinity ? null : earliestExpiryMs;
  }

  #promote(queue: StoredQueue, nowMs: number): number | null {
    const isMoreDue = queue.commit(() => queue.promote(nowMs));
    this.#lookForExpired(queue);
    this.#host.serve();
    return isMoreDue ? nowMs + 1 : queue.nextParkedMs();
  }

  #expireMessages(queue: StoredQueue, nowMs: number): number | null {
    this.#looksPaidMs = Math.max(this.#looksPaidMs, nowMs) + EXPIRY_INTERVAL_MS;
    const savedMs = EXPIRY_LOOKS_SAVED * EXPIRY_INTERVAL_MS;
    this.#nextLookMs = Math.max(nowMs + EXPIRY_GAP_MS, this.#looksPaidMs - savedMs);
    const next = queue.commit(() => queue.expireHeads(nowMs));
    return next === Infinity ? null : Math.max(next, this.#nextLookMs);
  }

  /** A message that became ready may expire before the look that is scheduled, or have expired while it was away. */
  #lookForExpired(queue: StoredQueue): void {
    const nextMs = Math.max(queue.takeNextExpiry(), this.#nextLookMs);
    if (nextMs < Infinity) this.#alarm.scheduleEarlier('expiry', nextMs);
  }

  #forgetIds({ queue, definition }: Open, nowMs: number): number | null {
    queue.forgetIds(nowMs);
    return queue.state.dedup.size > 0 ? nowMs + Math.max(definition.config.dedup_window_ms, 1_000) : null;
  }

  /** Asks for the end of the queue when nobody has used it for its time. */
  #expireQueue(open: Open, nowMs: number): number | null {
    const { expires_ms: expiresMs } = open.definition.config;
    if (expiresMs === null) return null;
    if (this.#isInUse(open)) this.noteUse(open);
    if (this.#host.hasStreams()) return nowMs + Math.max(expiresMs, STREAMS_LOOK_MS);
    if (open.usedMs + expiresMs > nowMs) return open.usedMs + expiresMs;
    this.#host.deleteItself(open.definition);
    // Should that fail, or come too late because somebody uses the queue again.
    return nowMs + Math.min(Math.max(expiresMs, DELETION_RETRY_MS_MIN), DELETION_RETRY_MS_MAX);
  }

  #isInUse({ queue }: Open): boolean {
    this.#host.serve(); // who is gone does not use it
    return queue.state.leased > 0 || this.#host.consumers() > 0 || this.#host.hasStreams();
  }
}
