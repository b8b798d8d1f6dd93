/** Settlement messages: reads settlements from a socket, as JSON or as a frame, and from the router. */

import type { Settlement } from '../../../core/queue/settle/settle.ts';
import type { SettleRun } from '../../../core/queue/settle/settle-run.ts';
import {
  countTags,
  flowSchema,
  settlementDetails,
  settleSchema,
  settleTagsMax,
} from '../../../protocol/schemas/deliveries.ts';
import type { DeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { parseJsonText } from '../../../protocol/json/json-parse.ts';
import { JsonText, writeJson } from '../../../protocol/json/json-text.ts';
import {
  decodeSettlementFrame,
  encodeOutcomeFrame,
  type SettlementEntry,
} from '../../../protocol/frames/settlement-frame.ts';
import { settleRequestOf, type Settled, type SettleRequest } from '../../rpc/queue.ts';

/** They say nothing more, so that there is one of each. */
const ACK: Settlement = { kind: 'ack' };
const RELEASE: Settlement = { kind: 'release' };

/** Fields of a message on a stream. */
const FIELDS_MAX = 100;

/** The messages that a client sends on its stream. */
export type StreamMessage =
  | { prefetch: number }
  | { runs: SettleRun[]; answer: (outcomes: Settled) => string | Uint8Array };

/** Text is the fields of a settlement with an `id` that comes back, or a `prefetch`; bytes are a settlement frame. */
export function readStreamMessage(message: string | ArrayBuffer): StreamMessage | Failure {
  if (typeof message !== 'string') return readFrame(new Uint8Array(message));
  const parsed = parseJsonText(message, ['id']);
  if (isFailure(parsed)) return parsed;
  const { json } = parsed;
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return failure('invalid_field', 'the message is not an object');
  const known = json as Record<string, unknown>;
  const echo = known['id'] instanceof JsonText && { id: known['id'].plain?.value ?? known['id'] };
  // Refuses a far too large message without checking its entries, which would keep the queue busy for seconds.
  const names = Object.keys(known).length;
  if (names > FIELDS_MAX)
    return failure('invalid_field', `${names} fields; a settlement has fewer than ${FIELDS_MAX}`, {
      ...echo,
    });
  const count = countTags(known);
  if (count > settleTagsMax)
    return failure('too_many_tags', `${count} tags; a settlement may have ${settleTagsMax}`, { ...echo });
  const { id: _, ...fields } = known;
  const checked = 'prefetch' in fields ? flowSchema.safeParse(fields) : settleSchema.safeParse(fields);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    return failure('invalid_field', `${issue!.path.join('.')}: ${issue!.message}`, { ...echo });
  }
  if ('prefetch' in checked.data) return checked.data;
  const tagged = taggedOf(settleRequestOf(checked.data));
  return {
    runs: runsOfTags(tagged),
    answer: (outcomes) => {
      const results = outcomes.map((outcome, index) => ({ tag: tagged[index]![0], outcome }));
      return writeJson({ ...echo, results });
    },
  };
}

/** A settlement frame, and the frame that answers it. Entries that are not valid are answered and change nothing. */
export function readFrame(
  bytes: Uint8Array,
): { runs: SettleRun[]; answer: (outcomes: Settled) => Uint8Array } | Failure {
  const frame = decodeSettlementFrame(bytes);
  if (isFailure(frame)) return frame;
  const { id, entries } = frame;
  const runs: SettleRun[] = [];
  /** How many messages each entry has, and whether it is one that can be settled. */
  const parts: { count: number; isValid: boolean }[] = [];
  for (const entry of entries) {
    const settlement = 'invalid' in entry ? null : settlementOf(entry);
    if ('invalid' in entry || settlement === null || isFailure(settlement)) {
      parts.push({ count: 'invalid' in entry ? entry.count : entry.end - entry.start, isValid: false });
      continue;
    }
    const { queueId, lane, delivery, start, end } = entry;
    runs.push({ queueId, lane, delivery, start, end, settlement });
    parts.push({ count: end - start, isValid: true });
  }
  if (runs.length === entries.length)
    return { runs, answer: (outcomes) => encodeOutcomeFrame({ id, outcomes }) };
  return { runs, answer: (outcomes) => encodeOutcomeFrame({ id, outcomes: withInvalid(parts, outcomes) }) };
}

function withInvalid(parts: readonly { count: number; isValid: boolean }[], outcomes: Settled): Settled {
  let next = 0;
  return parts.flatMap(({ count, isValid }): Settled => {
    if (!isValid) return Array.from({ length: count }, () => 'invalid');
    next += count;
    return outcomes.slice(next - count, next);
  });
}

function settlementOf({ kind, details }: SettlementEntry): Settlement | Failure {
  if (details === '' && (kind === 'ack' || kind === 'release')) return { kind };
  const parsed = details === '' ? { json: {} } : parseJsonText(details);
  if (isFailure(parsed))
    return failure(
      'invalid_frame',
      `the details of a ${kind} are not JSON that can be kept: ${parsed.message}`,
    );
  const checked = settlementDetails[kind].safeParse(parsed.json);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    return failure('invalid_frame', `the details of a ${kind}: ${issue!.path.join('.')}: ${issue!.message}`);
  }
  const { delay_ms: delayMs, lease_ms: leaseMs, error } = checked.data as Partial<Record<string, unknown>>;
  return { kind, delayMs, leaseMs, error } as Settlement;
}

export function runsOf(request: SettleRequest): SettleRun[] {
  return runsOfTags(taggedOf(request));
}

/** One run for messages that follow each other and are settled alike, which is how nearly all are. */
function runsOfTags(tagged: readonly [tag: string, settlement: Settlement][]): SettleRun[] {
  const runs: SettleRun[] = [];
  let last: SettleRun | null = null;
  for (const [tag, settlement] of tagged) {
    const run = runOfTag(tag, settlement);
    if (last !== null && continues(last, run)) last.end = run.end;
    else runs.push((last = run));
  }
  return runs;
}

function continues(last: SettleRun, { queueId, lane, delivery, start, settlement }: SettleRun): boolean {
  return (
    start === last.end &&
    settlement === last.settlement &&
    delivery === last.delivery &&
    lane === last.lane &&
    queueId === last.queueId
  );
}

/** Gives back all that a delivery frame has. */
export function releaseOf({ queueId, sections }: DeliveryFrame): SettleRun[] {
  return sections.flatMap(({ lane, runs }) =>
    runs.map(({ start, end, delivery }) => ({ queueId, lane, start, end, delivery, settlement: RELEASE })),
  );
}

/** An unparsable tag matches no queue. */
export function runOfTag(tag: string, settlement: Settlement): SettleRun {
  const { queueId, lane, offset, delivery } = parseTag(tag) ?? {
    queueId: -1,
    lane: 0,
    offset: 0,
    delivery: 0,
  };
  return { queueId, lane, start: offset, end: offset + 1, delivery, settlement };
}

function taggedOf(request: SettleRequest): [string, Settlement][] {
  const all: [string, Settlement][] = [];
  for (const tag of request.ack ?? []) all.push([tag, ACK]);
  for (const { tag, delayMs, error } of request.nack ?? []) all.push([tag, { kind: 'nack', delayMs, error }]);
  for (const { tag, error } of request.reject ?? []) all.push([tag, { kind: 'reject', error }]);
  for (const tag of request.release ?? []) all.push([tag, RELEASE]);
  for (const { tag, leaseMs } of request.extend ?? []) all.push([tag, { kind: 'extend', leaseMs }]);
  return all;
}
