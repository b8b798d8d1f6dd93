/**
 * Message id: names the queue that holds a message, and the position of the message there.
 *
 *   <queue>-<lane>-<offset>                  ready or leased. The form of a dead-letter id, which is the same
 *   <queue>-p-<due>-<seq>-<index>            waits for its time; `k` in place of `p`: and holds its ordering key meanwhile
 *
 * Numbers are in base 36. No position is used twice, so an id never comes to name another message. A message that moves
 * on (its time has come, it failed) has a new id.
 */

import { formatDeadLetterId, parseDeadLetterId } from '../dead-letters/dead-letter-id.ts';
import type { Position } from '../state/ready-messages.ts';

/** The position of a message that waits: its row, and its offset in the batch of the row. */
export interface ParkedPosition {
  isKeyed: boolean;
  dueMs: number;
  seq: number;
  index: number;
}

export type MessagePosition = Position | ParkedPosition;

export const isParkedPosition = (position: MessagePosition): position is ParkedPosition => 'seq' in position;

export function formatMessageId(queueId: number, position: MessagePosition): string {
  if (!isParkedPosition(position)) return formatDeadLetterId(queueId, position);
  const { isKeyed, dueMs, seq, index } = position;
  return [queueId.toString(36), isKeyed ? 'k' : 'p', ...[dueMs, seq, index].map((n) => n.toString(36))].join(
    '-',
  );
}

/** Parses an id. Returns null if the text is no id, or is an id of another queue. */
export function parseMessageId(queueId: number, text: string): MessagePosition | null {
  const parts = /^([0-9a-z]{1,11})-([pk])-([0-9a-z]{1,11})-([0-9a-z]{1,11})-([0-9a-z]{1,4})$/.exec(text);
  if (!parts) return parseDeadLetterId(queueId, text);
  const [dueMs, seq, index] = parts.slice(3).map((part) => parseInt(part, 36)) as [number, number, number];
  const position = { isKeyed: parts[2] === 'k', dueMs, seq, index };
  const isOne = Number.isSafeInteger(dueMs) && Number.isSafeInteger(seq);
  return isOne && formatMessageId(queueId, position) === text ? position : null;
}

/** Compares parked messages in the order of lists: by due time; of one time, those without keys first; then as they came. */
export function compareParked(a: ParkedPosition, b: ParkedPosition): number {
  return a.dueMs - b.dueMs || Number(a.isKeyed) - Number(b.isKeyed) || a.seq - b.seq || a.index - b.index;
}
