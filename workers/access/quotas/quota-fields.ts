/** Quota fields: quotas as the contract writes them. */

import { NAMESPACE_QUOTAS, type CountLimits, type Quotas } from '../../../core/access/quotas/quotas.ts';
import type { QuotaFields, RateQuotaFields } from '../../../protocol/schemas/quotas.ts';

/** Of a namespace. */
export function quotasOf(fields: QuotaFields): Quotas {
  const limits = NAMESPACE_QUOTAS.flatMap((what) =>
    fields[what] == null ? [] : [[what, fields[what]] as const],
  );
  const counts: CountLimits = Object.fromEntries(limits);
  return { ...rateQuotasOf(fields), ...(limits.length > 0 && { counts }) };
}

export function quotaFieldsOf(quotas: Quotas = {}): QuotaFields {
  const {
    queues = null,
    topics = null,
    partitions = null,
    bindings = null,
    groups = null,
    stored_bytes = null,
  } = quotas.counts ?? {};
  return { ...rateFieldsOf(quotas), queues, topics, partitions, bindings, groups, stored_bytes };
}

/** Of a token. */
export function rateQuotasOf(fields: RateQuotaFields): Quotas {
  return {
    publishPerS: fields.publish_per_s ?? null,
    deliverPerS: fields.deliver_per_s ?? null,
    connections: fields.connections ?? null,
  };
}

export function rateFieldsOf(quotas: Quotas = {}): RateQuotaFields {
  return {
    publish_per_s: quotas.publishPerS ?? null,
    deliver_per_s: quotas.deliverPerS ?? null,
    connections: quotas.connections ?? null,
  };
}
