/** Quota fields: quotas as the contract writes them. */

import type { Quotas } from '../../core/access/quotas.ts';
import type { QuotaFields } from '../../protocol/schemas/quotas.ts';

export function quotasOf(fields: QuotaFields): Quotas {
  return { publishPerS: fields.publish_per_s ?? null, deliverPerS: fields.deliver_per_s ?? null };
}

export function quotaFieldsOf(quotas: Quotas = {}): QuotaFields {
  return { publish_per_s: quotas.publishPerS ?? null, deliver_per_s: quotas.deliverPerS ?? null };
}
