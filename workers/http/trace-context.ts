/** Trace context of a request. */

import {
  traceContextOf,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  type TraceContext,
} from '../../protocol/headers/trace-context.ts';

export function requestTrace({ headers }: Request): TraceContext | null {
  const traceparent = headers.get(TRACEPARENT_HEADER);
  return traceparent === null ? null : traceContextOf(traceparent, headers.get(TRACESTATE_HEADER));
}
