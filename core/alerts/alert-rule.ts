/** A rule, as each queue that it matches has it. */

import type { AlertMetric } from '../../protocol/schemas/alerts.ts';

export interface AlertRule {
  readonly name: string;
  /** The version of the topology that created it: a rule that was deleted and made again begins anew. */
  readonly id: number;
  readonly metric: AlertMetric;
  /** Above it is too much. */
  readonly threshold: number;
  readonly forMs: number;
  readonly webhook: { readonly url: string; readonly secret: string };
}
