/** Move box: begins, lists and cancels moves of messages to another queue, and runs their slices. Every method is a step. */

import type { LetterSource } from '../../../core/queue/dead-letters/letter-scan.ts';
import { isParkedPosition, type MessagePosition } from '../../../core/queue/messages/message-id.ts';
import { heldAt } from '../../../core/queue/messages/held-messages.ts';
import { scanMessages, stateOfParked, type FoundMessage } from '../../../core/queue/messages/message-scan.ts';
import {
  afterMoveSlice,
  beginMove,
  isMove,
  movedRecord,
  moveEnds,
  moveRoom,
  storedMoveId,
  type MovedState,
  type MoveOrder,
  type MoveSlice,
  type StoredMove,
} from '../../../core/queue/messages/move.ts';
import { cancelReplay } from '../../../core/queue/replay.ts';
import { noteHead } from '../../../core/queue/state/expiry-look.ts';
import { takeOut } from '../../../core/queue/state/ready-messages.ts';
import { PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import type { Outbox } from '../dead-letters/outbox.ts';
import type { ReplayStore } from '../dead-letters/replay-store.ts';
import type { ParkedMessages } from '../time/parked-messages.ts';

export interface MoveBoxHost {
  letters(): LetterSource;
  outbox: Outbox;
  parked: ParkedMessages;
  replays: ReplayStore;
}

export class MoveBox {
  readonly #host: MoveBoxHost;

  constructor(host: MoveBoxHost) {
    this.#host = host;
  }

  /** The oldest first. */
  all(): StoredMove[] {
    return this.#host.replays.all().filter(isMove);
  }

  begin(order: MoveOrder, nowMs: number): StoredMove {
    const { replays, parked } = this.#host;
    const known = this.all().find(({ id }) => id === storedMoveId(order.id));
    if (known) return known; // the order came twice
    const move = beginMove(order, this.#host.letters().state, parked.takeSeq(), nowMs);
    replays.put(move);
    return move;
  }

  cancel(id: string, nowMs: number): StoredMove[] {
    const known = this.all().find((move) => move.id === storedMoveId(id));
    if (!known) return [];
    const cancelled = cancelReplay(known, nowMs);
    if (cancelled !== known) this.#host.replays.put(cancelled);
    return [cancelled];
  }

  /** Counts what an order would move, in a step that begins after a position. */
  count(order: MoveOrder, after: MessagePosition | null): { count: number; next: MessagePosition | null } {
    const { positions } = order;
    if (positions !== null) return { count: this.#named(positions).length, next: null };
    const query = { ...order.filter, states: order.states, max: Infinity, bytesMax: Infinity };
    const { found, next } = scanMessages(
      this.#host.letters(),
      (from) => this.#host.parked.from(from),
      query,
      after,
    );
    return { count: found.length, next };
  }

  runSlice(move: StoredMove, nowMs: number): StoredMove {
    const slice = move.what.positions === null ? this.#nextMatching(move) : this.#nextNamed(move);
    this.#send(slice.found, move.to);
    const after = afterMoveSlice(move, { ...slice, moved: slice.found.length }, nowMs);
    this.#host.replays.put(after);
    return after;
  }

  #nextMatching(move: StoredMove): Omit<MoveSlice, 'moved'> & { found: FoundMessage[] } {
    const { filter, states } = move.what;
    const query = { ...filter, states, max: moveRoom(move), bytesMax: PAGE_BYTES_MAX };
    const from: Parameters<typeof scanMessages>[1] = (after) => this.#host.parked.from(after);
    const page = scanMessages(this.#host.letters(), from, query, move.after, moveEnds(move));
    return { ...page, skipped: 0, isEnd: page.next === null };
  }

  #nextNamed(move: StoredMove): Omit<MoveSlice, 'moved'> & { found: FoundMessage[] } {
    const positions = move.what.positions!;
    const next = positions.slice(move.done, move.done + moveRoom(move));
    const found = this.#named(next);
    const isEnd = move.done + next.length >= positions.length;
    return { found, lookedAt: next.length, skipped: next.length - found.length, next: null, isEnd };
  }

  /** Those of a list that can be moved. */
  #named(positions: readonly MessagePosition[]): FoundMessage[] {
    const { parked } = this.#host;
    const { state, source, recordAt } = this.#host.letters();
    return positions.flatMap((position): FoundMessage[] => {
      if (isParkedPosition(position)) {
        const found = parked.find(position);
        return found ? [{ position, record: found.record, state: stateOfParked(found), held: null }] : [];
      }
      const held = heldAt(state, source, position);
      if (held === null || held.lease !== null) return [];
      return [{ position, record: recordAt(held.extent, held.offset), state: 'ready', held }];
    });
  }

  #send(found: readonly FoundMessage[], to: { queue: string }): void {
    const { outbox, parked } = this.#host;
    const { state, source } = this.#host.letters();
    outbox.add(
      found.map((message) => movedRecord(message.record, message.state as MovedState)),
      to,
    );
    const lanes = new Set<number>();
    for (const { position } of found) {
      if (isParkedPosition(position)) continue;
      takeOut(state, source, position);
      lanes.add(position.lane);
    }
    parked.takeAll(
      state,
      found.flatMap(({ position }) => (isParkedPosition(position) ? [position] : [])),
    );
    for (const lane of lanes) noteHead(state, lane, source);
    state.counters.replayed += found.length;
  }
}
