/**
 * Queue watch: checks alerts, cost and stored bytes after each commit, and whether there is room for another. It has changes
 * reported to the overview.
 */

import type { KnownReport, ObjectReport } from '../../../core/overview/object-report.ts';
import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import type { Failure } from '../../../protocol/errors.ts';
import type { QueueAlert } from '../../../protocol/schemas/queue-alerts.ts';
import { QueueAlerts } from '../../alerts/queue-alerts.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { AppendLimits } from '../../runtime/append-limits.ts';
import { ChangeReporter } from '../../runtime/change-reporter.ts';
import type { PublishLimits } from '../../rpc/publish-limits.ts';
import type { PublishOptions, QueueDescription } from '../../rpc/queue.ts';
import type { DurableSql } from '../../storage/durable-sql.ts';
import { reportOfQueue } from '../queue-report.ts';
import type { Open } from './queue-tasks.ts';

export interface WatchHost {
  open(): Open | null;
  describe(open: Open): QueueDescription;
  outgoingProblem(): string | null;
}

export class QueueWatch {
  readonly #alerts: QueueAlerts;
  readonly #limits: AppendLimits;
  readonly #reporter: ChangeReporter;
  readonly #host: WatchHost;
  /** Messages that it held when it woke: they were not published since. */
  #held: number | null = null;
  /** The limits that a router has told last. */
  told: PublishLimits = {};
  /** How often streams came or left. */
  #streams = 0;

  constructor(
    context: ObjectContext & { readonly sql: DurableSql; databaseBytes(): number },
    host: WatchHost,
  ) {
    const { env, sql, alarm } = context;
    const open = (): Open | null => host.open();
    this.#host = host;
    this.#alerts = new QueueAlerts(context, () => open()?.queue ?? null);
    this.#limits = new AppendLimits({
      ...context,
      kind: 'queue',
      rows: () => sql.meter.rowsWritten + alarm.timesSet,
      object: () => {
        const definition = open()?.definition;
        return definition ? { ...definition, kind: 'queue', partition: 0 } : null;
      },
    });
    const namespace = (): string | null => open()?.definition.namespace ?? null;
    // Rows change with all that is stored; the two others are in memory.
    const mark = (): number =>
      sql.meter.rowsWritten + this.#streams + (host.outgoingProblem() === null ? 0 : 0.5);
    const reported = { ...context, namespace, mark, report: () => this.#report() };
    this.#reporter = new ChangeReporter(env, reported, Math.random());
  }

  /** Takes the alert rules of a queue that was made, was changed, or has just been read from its rows. */
  configure(definition: QueueDefinition): void {
    this.#alerts.configure(definition);
    if (this.#held !== null) return this.noticed();
    this.#held = this.#host.open()!.queue.state.counters.published;
    this.#reporter.woke();
  }

  /** Makes the queue. What that writes does not grow with messages. */
  setUp(make: () => void): void {
    this.#limits.setUp(make);
    this.#reporter.made();
  }

  /** After a commit; by time if messages may have come back. */
  changed(isByTime: boolean): void {
    this.#alerts.changed(isByTime);
    this.#limits.note();
    this.noticed();
  }

  /** Something may have changed that no commit wrote. */
  noticed(): void {
    this.#reporter.changed();
  }

  /** A stream has come or left. Those who poll come and leave too often to be told of. */
  streamsChanged(): void {
    this.#streams += 1;
    this.#reporter.changed();
  }

  /** Answers the overview. Null: nothing has changed since the report that it knows. */
  answer(known: KnownReport): ObjectReport | null {
    return this.#reporter.answer(known);
  }

  /** Takes the limits that come with a publish. Returns what it has to wait for; null if it may go on at once. */
  learn(options: PublishOptions): Promise<void> | null {
    if (options.source) return null;
    const { rowsPerHour, storedBytesMax } = options;
    this.told = {
      ...(rowsPerHour !== undefined && { rowsPerHour }),
      ...(storedBytesMax !== undefined && { storedBytesMax }),
    };
    return this.#limits.learn(options);
  }

  /** Returns why a publish is refused; null if there is room. What the broker itself hands on is not lost. */
  refusal(options: PublishOptions, pendingBytes: number, bytes: number): Failure | null {
    return this.#limits.refusal(options.source ? null : options, pendingBytes, bytes);
  }

  storedBytes(): number {
    return this.#limits.storedBytes();
  }

  alerts(): QueueAlert[] {
    return this.#alerts.describe();
  }

  cancel(): void {
    this.#alerts.cancel();
    this.#held = null;
  }

  #report() {
    const open = this.#host.open();
    return open === null ? null : reportOfQueue(open, this.#host.describe(open), this.#held ?? 0);
  }
}
