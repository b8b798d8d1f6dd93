/** RPC between the router and a queue about single messages. It is one call, so that the interface of the queue stays small. */

import type { MessagePosition } from '../../core/queue/messages/message-id.ts';
import type { MessageQuery } from '../../core/queue/messages/message-scan.ts';
import type { MoveOrder, StoredMove } from '../../core/queue/messages/move.ts';
import type { HeldDetails } from '../../protocol/schemas/queue-messages.ts';

export type MessageCall =
  | ({ do: 'list'; after: MessagePosition | null } & MessageQuery)
  | { do: 'get'; position: MessagePosition }
  /** `error`: it becomes a dead letter with this error; null: it is dropped. */
  | { do: 'cancel'; position: MessagePosition; error: { type: string; message: string } | null }
  | { do: 'run'; position: MessagePosition }
  | { do: 'move'; order: MoveOrder }
  /** Counts what an order would move, in a step that begins after a position. */
  | { do: 'count'; order: MoveOrder; after: MessagePosition | null }
  | { do: 'moves' }
  | { do: 'cancelMove'; id: string };

export interface MessageAnswer {
  /** A list, or the one message; `details` has one entry for each record of `batches`. */
  page?: { details: HeldDetails[]; batches: Uint8Array; next: MessagePosition | null };
  /** What became of the message, and its id from now on. */
  done?: { id: string; outcome: 'cancelled' | 'dead_lettered' | 'ready' | 'unchanged' | 'expired' };
  /** Moves, the oldest first; of a cancellation the one, or none. */
  moves?: StoredMove[];
  counted?: { count: number; next: MessagePosition | null };
  refused?: 'not_found' | 'keyed' | 'leased';
  /** Of a message that is leased: until when, in ms. */
  leasedUntilMs?: number;
}
