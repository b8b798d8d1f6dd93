/** Methods of a schedule that others call, and what comes out of them. */

import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ErrorCode, Failure } from '../../protocol/errors.ts';
import type { ScheduleState } from '../../protocol/schemas/schedules.ts';
import type { TraceContext } from '../../protocol/headers/trace-context.ts';

export type ScheduleDescription = ScheduleState;

export interface Triggered {
  messageId: string;
  outcome: 'published' | 'unroutable' | 'failed' | 'pending';
  /** Named so because no success has a member `code`. */
  failedWith?: { code: ErrorCode; message: string };
}

export interface ScheduleMethods extends Rpc.DurableObjectBranded {
  /** Takes a definition from the topology: makes the schedule, or changes it. An older one changes nothing. */
  configure(definition: ScheduleDefinition): void;
  /** Deletes everything and releases the storage. */
  destroy(): Promise<void>;
  /** Null until the topology has told it its definition. */
  describe(): ScheduleDescription | null;
  /**
   * Publishes now, at any time and even if it is paused. Null until it knows its definition.
   * @param trace of the request, if it has one
   */
  trigger(trace?: TraceContext): Promise<Triggered | Failure | null>;
  /** Runs due tasks. The watchdog calls it in case an alarm was lost. */
  tick(): void;
}
