/** Trace context of a request, and the records that it goes into. */

import {
  missingTraceHeaders,
  traceContextOf,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  type TraceContext,
} from '../../protocol/headers/trace-context.ts';
import type { RecordInput } from '../../protocol/record-batch/index.ts';

export function requestTrace({ headers }: Request): TraceContext | null {
  const traceparent = headers.get(TRACEPARENT_HEADER);
  return traceparent === null ? null : traceContextOf(traceparent, headers.get(TRACESTATE_HEADER));
}

/**
 * Returns the record with the context in its headers. One that has a context of its own stays as it is, and so does one that
 * would become too large: a trace never makes a publish fail.
 */
export function traced<Record extends RecordInput>(
  record: Record,
  context: TraceContext | null,
  isTooLarge: (record: RecordInput) => unknown,
): Record {
  if (context === null) return record;
  const own = record.headers ?? [];
  const missing = missingTraceHeaders(own, context);
  if (missing.length === 0) return record;
  const longer = { ...record, headers: [...own, ...missing] };
  return isTooLarge(longer) ? record : longer;
}
