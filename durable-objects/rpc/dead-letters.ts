/**
 * RPC between the router and a queue about the dead letters that it holds. It is one call, so that the interface of the
 * queue stays small.
 */

import type { ReplayOrder, StoredReplay } from '../../core/queue/replay.ts';
import type { MessageFilter } from '../../core/queue/dead-letters/dead-letter-filter.ts';
import type { ReplayTarget } from '../../protocol/schemas/dead-letters.ts';
import type { Position } from '../../core/queue/state/ready-messages.ts';

export type DeadLetterCall =
  | { do: 'list'; filter: MessageFilter; after: Position | null; max: number; bytesMax: number }
  /** `onlyFrom`: the queue in which it died, or it is as one that is not there. */
  | { do: 'get'; id: string; onlyFrom?: string }
  /** `bytes`: a batch of one record that takes the place of the message; empty: as it was. */
  | { do: 'resend'; id: string; bytes: Uint8Array; to: ReplayTarget | null }
  | { do: 'replay'; order: ReplayOrder }
  | { do: 'count'; order: ReplayOrder; after: Position | null }
  | { do: 'replays'; id?: string }
  | { do: 'cancel'; id: string }
  | { do: 'purge'; filter: MessageFilter; after: Position | null };

export interface DeadLetterPage {
  /** One for each record of `batches`, in order. */
  ids: string[];
  batches: Uint8Array;
  /** Where to go on; null: that was all. */
  next: Position | null;
}

export interface DeadLetterAnswer {
  page?: DeadLetterPage;
  replays?: StoredReplay[];
  /** How many were purged, sent or counted; 0: there is no such dead letter, or no such replay. */
  count?: number;
  skipped?: number;
  next?: Position | null;
  /** Why a message is not sent again. */
  refused?: 'no_origin' | 'hop_limit';
}
