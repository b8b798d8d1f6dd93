/** RPC between the router and a schedule. */

import type { ErrorCode } from '../../protocol/errors.ts';
import type { ScheduleState } from '../../protocol/schemas/schedules.ts';

export type ScheduleDescription = ScheduleState;

export interface Triggered {
  messageId: string;
  outcome: 'published' | 'unroutable' | 'failed' | 'pending';
  /** Named so because no success has a member `code`. */
  failedWith?: { code: ErrorCode; message: string };
}
