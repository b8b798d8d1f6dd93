/** Settlements as the wire has them: the entries of a frame that carries many, and what the broker says of each. */

import { cutText } from '../../protocol/cut-text.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
} from '../../protocol/limits.ts';
import { SETTLEMENTS_TYPE } from '../../protocol/headers/media-types.ts';
import type { SettlementEntry } from '../../protocol/frames/settlement-frame.ts';
import type { SettleOutcome } from '../../protocol/settlements.ts';
import type { Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { queuePath } from '../client/names.ts';
import type { ReceivedMessage } from './received-message.ts';
import type { Settlement } from './settlement.ts';

export interface MessageSettlement {
  message: ReceivedMessage;
  settlement: Settlement;
}

/** Those that have changed nothing. */
const REFUSALS = new Set<SettleOutcome>([
  'unknown_tag',
  'already_settled',
  'lease_expired',
  'not_yours',
  'invalid',
]);

/** Sends frames of settlements to the queue, over HTTP or on a stream. */
export type SendSettlements = (frame: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

/** One attempt over HTTP. @returns a frame of outcomes */
export async function settleOverHttp(
  transport: Transport,
  queue: string,
  consumerId: string | undefined,
  frame: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { bytes } = await transport.call({
    method: 'POST',
    path: `${queuePath(queue)}/settlements`,
    query: { consumer_id: consumerId && encodeURIComponent(consumerId) },
    headers: { 'content-type': SETTLEMENTS_TYPE },
    body: frame,
    signal,
  });
  return bytes;
}

/** Puts settlements in the order in which they make the fewest runs. */
export function sortSettlements(settlements: MessageSettlement[]): void {
  settlements.sort(
    (a, b) =>
      compare(a.settlement.kind, b.settlement.kind) ||
      a.message.position.queueId - b.message.position.queueId ||
      a.message.position.lane - b.message.position.lane ||
      a.message.offset - b.message.offset,
  );
}

const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Runs of messages, in the order of the settlements. */
export function entriesOf(settlements: readonly MessageSettlement[]): SettlementEntry[] {
  const entries: SettlementEntry[] = [];
  for (const { message, settlement } of settlements) {
    const { queueId, lane, delivery } = message.position;
    const { kind } = settlement;
    const details = detailsOf(settlement);
    const last = entries[entries.length - 1];
    if (
      last?.end === message.offset &&
      last.kind === kind &&
      last.details === details &&
      last.delivery === delivery &&
      last.lane === lane &&
      last.queueId === queueId
    ) {
      last.end += 1;
      continue;
    }
    const { offset: start } = message;
    entries.push({ kind, queueId, lane, delivery, start, end: start + 1, details });
  }
  return entries;
}

/** Null where it was done. After a failed attempt a settlement may find itself done: that attempt's reply was lost. */
export function refusalOf(
  { message, settlement }: MessageSettlement,
  outcome: SettleOutcome,
  isRepeated: boolean,
): PosthornError | null {
  if (!REFUSALS.has(outcome)) return null;
  if (isRepeated && outcome === 'already_settled') return null;
  const text = `${settlement.kind} of message ${message.deliveryTag}: ${outcome}`;
  return new PosthornError('settlement_refused', text, { details: { outcome } });
}

/** As JSON; empty where there is nothing to say. */
function detailsOf(settlement: Settlement): string {
  switch (settlement.kind) {
    case 'ack':
    case 'release':
      return '';
    case 'extend':
      return JSON.stringify({ lease_ms: settlement.leaseMs });
    case 'nack':
      return JSON.stringify({ delay_ms: settlement.delayMs, error: errorOf(settlement.error) });
    case 'reject':
      return JSON.stringify({ error: errorOf(settlement.error) });
  }
}

/** What was thrown and is no Error: text as it is, the rest as JSON where it can be. */
export function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? typeof thrown;
  } catch {
    return typeof thrown;
  }
}

function errorOf(thrown: unknown): object | undefined {
  if (thrown === undefined) return undefined;
  if (!(thrown instanceof Error)) return { message: cutText(textOf(thrown), ERROR_MESSAGE_LENGTH_MAX) };
  return {
    type: cutText(thrown.name, ERROR_TYPE_LENGTH_MAX),
    message: cutText(thrown.message, ERROR_MESSAGE_LENGTH_MAX),
    stack_trace: thrown.stack && cutText(thrown.stack, ERROR_STACK_LENGTH_MAX),
  };
}
