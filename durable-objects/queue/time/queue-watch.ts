/** Queue watch: checks alerts and cost after each commit. */

import type { QueueDefinition } from '../../../core/topology/queues.ts';
import type { Failure } from '../../../protocol/errors.ts';
import type { QueueAlert } from '../../../protocol/schemas/queue-alerts.ts';
import { QueueAlerts } from '../../alerts/queue-alerts.ts';
import type { ObjectContext } from '../../runtime/context.ts';
import { CostMeter } from '../../runtime/cost-meter.ts';
import type { DurableSql } from '../../storage/durable-sql.ts';
import type { Open } from './queue-tasks.ts';

export class QueueWatch {
  readonly #alerts: QueueAlerts;
  readonly #cost: CostMeter;

  constructor(context: ObjectContext & { readonly sql: DurableSql }, open: () => Open | null) {
    const { env, sql, alarm } = context;
    this.#alerts = new QueueAlerts(context, () => open()?.queue ?? null);
    const rows = (): number => sql.meter.rowsWritten + alarm.timesSet;
    const namespace = (): string | null => open()?.definition.namespace ?? null;
    this.#cost = new CostMeter(env, { ...context, rows, namespace }, Math.random());
  }

  /** Takes the alert rules of a queue that was made, was changed, or has just been read from its rows. */
  configure(definition: QueueDefinition): void {
    this.#alerts.configure(definition);
  }

  /** Makes the queue. What that writes does not grow with messages. */
  setUp(make: () => void): void {
    this.#cost.setUp(make);
  }

  /** After a commit; by time if messages may have come back. */
  changed(isByTime: boolean): void {
    this.#alerts.changed(isByTime);
    this.#cost.note();
  }

  /** What a publish is answered with while the namespace has written as much as it may; null if it may go on. */
  refusal(rowsPerHour: number | undefined): Failure | null {
    return this.#cost.refusal(rowsPerHour);
  }

  alerts(): QueueAlert[] {
    return this.#alerts.describe();
  }

  cancel(): void {
    this.#alerts.cancel();
  }
}
