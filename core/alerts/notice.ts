/** Notices: the content of the requests that alerts send. */

import type { AlertNotice } from '../../protocol/schemas/alerts.ts';
import type { AlertRule } from './alert-rule.ts';

export interface NoticeCause {
  kind: 'firing' | 'recovered';
  /** Of `recovered`. */
  reason?: 'below_threshold' | 'rule_deleted';
  value: number;
  /** When it began to be above. */
  aboveSinceMs: number;
  nowMs: number;
}

export function noticeOf(
  rule: AlertRule,
  queue: { namespace: string; name: string },
  { kind, reason, value, aboveSinceMs, nowMs }: NoticeCause,
): AlertNotice {
  return {
    type: `alert.${kind}`,
    timestamp: new Date(nowMs).toISOString(),
    data: {
      alert: rule.name,
      namespace: queue.namespace,
      queue: queue.name,
      metric: rule.metric,
      threshold: rule.threshold,
      for_ms: rule.forMs,
      value,
      since: new Date(aboveSinceMs).toISOString(),
      ...(reason && { reason }),
    },
  };
}
