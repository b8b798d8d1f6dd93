/** Settlements as they come: on a socket, and from the router. */

import type { Settlement } from '../../core/queue/settle.ts';
import { SETTLEMENT_KINDS, settleSchema, settleTagsMax } from '../../protocol/deliveries.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { settleRequestOf, type SettleRequest } from './queue-calls.ts';
import type { TaggedSettlement } from './stored-queue.ts';

/** A message on a stream: the fields of a settlement, and an `id` that comes back with the answer. */
export function readSettleMessage(
  message: string | ArrayBuffer,
): { request: SettleRequest; id?: unknown } | Failure {
  let json: unknown;
  try {
    json = JSON.parse(typeof message === 'string' ? message : new TextDecoder().decode(message));
  } catch {
    return failure('malformed_json', 'the message is not JSON');
  }
  if (typeof json !== 'object' || json === null)
    return failure('invalid_field', 'the message is not an object');
  const { id, ...fields } = json as Record<string, unknown>;
  const checked = settleSchema.safeParse(fields);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    return failure('invalid_field', `${issue!.path.join('.')}: ${issue!.message}`);
  }
  const count = SETTLEMENT_KINDS.reduce((sum, kind) => sum + (checked.data[kind]?.length ?? 0), 0);
  if (count > settleTagsMax)
    return failure('too_many_tags', `${count} tags; a settlement may have ${settleTagsMax}`);
  return { request: settleRequestOf(checked.data), id };
}

export function settlementsOf(request: SettleRequest): TaggedSettlement[] {
  const all: TaggedSettlement[] = [];
  const add = (tag: string, settlement: Settlement): void => void all.push({ tag, settlement });
  for (const tag of request.ack ?? []) add(tag, { kind: 'ack' });
  for (const { tag, delayMs, error } of request.nack ?? []) add(tag, { kind: 'nack', delayMs, error });
  for (const { tag, error } of request.reject ?? []) add(tag, { kind: 'reject', error });
  for (const tag of request.release ?? []) add(tag, { kind: 'release' });
  for (const { tag, leaseMs } of request.extend ?? []) add(tag, { kind: 'extend', leaseMs });
  return all;
}
