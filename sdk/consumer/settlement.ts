/** Settlements: what they are, the request that carries many, and what the broker says of each. */

import type { SettledReply, SettleFields } from '../../protocol/deliveries.ts';
import { cutText } from '../../protocol/cut-text.ts';
import {
  ERROR_MESSAGE_LENGTH_MAX,
  ERROR_STACK_LENGTH_MAX,
  ERROR_TYPE_LENGTH_MAX,
} from '../../protocol/limits.ts';
import { JSON_TYPE } from '../../protocol/media-types.ts';
import { jsonOf, type Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { queuePath } from '../names.ts';

export interface NackFields {
  /** Before the next attempt, in ms; 0: at once, at its old place. Default: as the queue's retry schedule says. */
  delayMs?: number | undefined;
  /** Why: an Error, or anything else that was thrown. */
  error?: unknown;
}

export type Settlement =
  | { kind: 'ack' | 'release' }
  | ({ kind: 'nack' } & NackFields)
  | { kind: 'reject'; error?: unknown }
  | { kind: 'extend'; leaseMs: number };

export interface TaggedSettlement {
  tag: string;
  settlement: Settlement;
}

export type SettleOutcome = SettledReply['results'][number]['outcome'];

/** Those that have changed nothing. */
const REFUSALS = new Set<SettleOutcome>(['unknown_tag', 'already_settled', 'lease_expired', 'not_yours']);

/** The order in which a reply tells of them. */
const KINDS = ['ack', 'nack', 'reject', 'release', 'extend'] as const;

/** One attempt. @returns one outcome for each, in order */
export async function settleAll(
  transport: Transport,
  queue: string,
  consumerId: string,
  settlements: readonly TaggedSettlement[],
  signal: AbortSignal | undefined,
): Promise<SettleOutcome[]> {
  const fields: SettleFields = { consumer_id: consumerId };
  const order: number[] = [];
  for (const kind of KINDS) {
    const places = settlements.flatMap(({ settlement }, index) => (settlement.kind === kind ? [index] : []));
    if (places.length === 0) continue;
    order.push(...places);
    (fields[kind] as unknown[]) = places.map((index) => itemOf(settlements[index]!));
  }
  const reply = await transport.call({
    method: 'POST',
    path: `${queuePath(queue)}/settlements`,
    headers: { 'content-type': JSON_TYPE },
    body: JSON.stringify(fields),
    signal,
  });
  const { results } = jsonOf<SettledReply>(reply);
  if (results?.length !== settlements.length) {
    throw new PosthornError('unexpected_reply', `the reply does not tell of ${settlements.length} tags`);
  }
  const outcomes = new Array<SettleOutcome>(settlements.length);
  order.forEach((index, place) => (outcomes[index] = results[place]!.outcome));
  return outcomes;
}

/** Null where it was done. After a failed attempt a settlement may find itself done: that attempt's reply was lost. */
export function refusalOf(
  { tag, settlement }: TaggedSettlement,
  outcome: SettleOutcome,
  isRepeated: boolean,
): PosthornError | null {
  if (!REFUSALS.has(outcome)) return null;
  if (isRepeated && outcome === 'already_settled') return null;
  return new PosthornError('settlement_refused', `${settlement.kind} of message ${tag}: ${outcome}`, {
    details: { outcome },
  });
}

function itemOf({ tag, settlement }: TaggedSettlement): unknown {
  switch (settlement.kind) {
    case 'ack':
    case 'release':
      return tag;
    case 'extend':
      return { tag, lease_ms: settlement.leaseMs };
    case 'nack':
      return { tag, delay_ms: settlement.delayMs, ...errorOf(settlement.error) };
    case 'reject':
      return { tag, ...errorOf(settlement.error) };
  }
}

/** What was thrown and is no Error: text as it is, the rest as JSON where it can be. */
function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? typeof thrown;
  } catch {
    return typeof thrown;
  }
}

function errorOf(thrown: unknown): { error?: object } {
  if (thrown === undefined) return {};
  if (!(thrown instanceof Error))
    return { error: { message: cutText(textOf(thrown), ERROR_MESSAGE_LENGTH_MAX) } };
  return {
    error: {
      type: cutText(thrown.name, ERROR_TYPE_LENGTH_MAX),
      message: cutText(thrown.message, ERROR_MESSAGE_LENGTH_MAX),
      stack_trace: thrown.stack && cutText(thrown.stack, ERROR_STACK_LENGTH_MAX),
    },
  };
}
