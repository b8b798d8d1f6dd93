/** The id of a dead letter: the queue that holds it, and its position there. */

import { LANES } from '../state/lane.ts';
import type { Position } from '../state/ready-messages.ts';

export function formatDeadLetterId(queueId: number, { lane, offset }: Position): string {
  return `${queueId.toString(36)}-${lane.toString(36)}-${offset.toString(36)}`;
}

/** Null if the text is not an id, or is an id of another queue. */
export function parseDeadLetterId(queueId: number, text: string): Position | null {
  const parts = /^([0-9a-z]{1,11})-([0-9a-z]{1,2})-([0-9a-z]{1,10})$/.exec(text);
  if (!parts || parseInt(parts[1]!, 36) !== queueId) return null;
  const lane = parseInt(parts[2]!, 36);
  const offset = parseInt(parts[3]!, 36);
  const isOne = lane < LANES && formatDeadLetterId(queueId, { lane, offset }) === text;
  return isOne ? { lane, offset } : null;
}
