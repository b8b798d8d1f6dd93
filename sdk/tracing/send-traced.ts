/** Traced sending: a message or a record goes to the broker within a span, if the client has tracing. */

import type { SendTarget, SpanEnd, Tracing } from '../client/tracing.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { recordHeaders, type RecordHeaders } from '../values/record-input.ts';

interface Sendable {
  headers?: RecordHeaders | undefined;
  properties?: { messageId?: string | undefined; correlationId?: string | undefined } | undefined;
}

/** Sends a message within a span, if the client has tracing. */
export function sendTraced<Message extends Sendable, Result>(
  tracing: Tracing | undefined,
  to: SendTarget,
  message: Message,
  send: (message: Message) => Promise<Result>,
): Promise<Result> {
  if (tracing === undefined) return send(message);
  let headers: readonly RecordHeader[];
  try {
    headers = recordHeaders(message.headers);
  } catch {
    return send(message); // which says what is wrong with it
  }
  const { messageId, correlationId } = message.properties ?? {};
  const span = tracing.send({ ...to, messageId, correlationId }, headers);
  const sent = send(
    span.headers.length === 0 ? message : { ...message, headers: [...headers, ...span.headers] },
  );
  sent.then(
    (result) => span.end(null, placeOf(result)),
    (error: unknown) => span.end(error),
  );
  return sent;
}

/** As `sendTraced`, for records that one call sends together: each has a span. */
export function sendAllTraced<Record extends Sendable, Result>(
  tracing: Tracing | undefined,
  to: SendTarget,
  records: readonly Record[],
  send: (records: readonly Record[]) => Promise<Result[]>,
): Promise<Result[]> {
  if (tracing === undefined) return send(records);
  const ends: SpanEnd[] = [];
  const traced: Record[] = [];
  try {
    for (const record of records) {
      const headers = recordHeaders(record.headers);
      const span = tracing.send(to, headers);
      ends.push(span.end);
      traced.push(span.headers.length === 0 ? record : { ...record, headers: [...headers, ...span.headers] });
    }
  } catch (error) {
    for (const end of ends) end(error);
    return send(records); // which says what is wrong with them
  }
  const sent = send(traced);
  sent.then(
    (results) => ends.forEach((end, index) => end(null, placeOf(results[index]))),
    (error: unknown) => {
      for (const end of ends) end(error);
    },
  );
  return sent;
}

/** Of a record that is stored. */
function placeOf(result: unknown): { partition: number; offset: number } | undefined {
  const isReceipt = typeof result === 'object' && result !== null && 'offset' in result;
  return isReceipt ? (result as { partition: number; offset: number }) : undefined;
}
