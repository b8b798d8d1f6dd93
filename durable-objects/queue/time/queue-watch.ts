/** Queue watch: checks alerts and cost after each commit. */

import type { QueueDefinition } from '../../../core/topology/queues.ts';
import type { Failure } from '../../../protocol/errors.ts';
import type { QueueAlert } from '../../../protocol/schemas/queue-alerts.ts';
import { QueueAlerts } from '../../alerts/queue-alerts.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import { CostMeter } from '../../runtime/cost-meter.ts';
import type { Sql } from '../../storage/sql.ts';
import type { Env } from '../../env.ts';
import type { Open } from './queue-tasks.ts';

export interface WatchHost {
  now(): number;
  open(): Open | null;
  waitUntil(work: Promise<void>): void;
}

export class QueueWatch {
  readonly #alerts: QueueAlerts;
  readonly #cost: CostMeter;

  constructor(sql: Sql, alarm: Alarm, env: Env, host: WatchHost) {
    const both = {
      now: () => host.now(),
      waitUntil: (work: Promise<void>) => host.waitUntil(work),
    };
    this.#alerts = new QueueAlerts(sql, alarm, env, { ...both, queue: () => host.open()?.queue ?? null });
    const rows = (): number => sql.meter.rowsWritten + alarm.timesSet;
    const namespace = (): string | null => host.open()?.definition.namespace ?? null;
    this.#cost = new CostMeter(env, { ...both, rows, namespace }, Math.random());
  }

  /** Takes the alert rules of a queue that was made, was changed, or has just been read from its rows. */
  configure(definition: QueueDefinition): void {
    this.#alerts.configure(definition);
  }

  /** After a commit; by time if messages may have come back. */
  changed(isByTime: boolean): void {
    this.#alerts.changed(isByTime);
    this.#cost.note();
  }

  /** What a publish is answered with while the namespace has written as much as it may; null if it may go on. */
  refusal(): Failure | null {
    return this.#cost.refusal();
  }

  alerts(): QueueAlert[] {
    return this.#alerts.describe();
  }

  cancel(): void {
    this.#alerts.cancel();
  }
}
