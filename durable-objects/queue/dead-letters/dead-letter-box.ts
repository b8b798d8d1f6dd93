/**
 * Dead-letter box: lists, resends, replays (in slices) and purges the dead letters that a queue holds. Every method is
 * a step of a commit. So a message leaves the queue and enters the outbox together or not at all, and moves once.
 */

import {
  hasDiedIn,
  matcherOf,
  type MessageFilter,
} from '../../../core/queue/dead-letters/dead-letter-filter.ts';
import { formatDeadLetterId } from '../../../core/queue/dead-letters/dead-letter-id.ts';
import { replayedRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import {
  letterOf,
  nextOf,
  scanLetters,
  type Letter,
  type LetterSource,
} from '../../../core/queue/dead-letters/letter-scan.ts';
import {
  afterSlice,
  beginReplay,
  cancelReplay,
  countLetters,
  dueReplays,
  nextSlice,
  nextSliceMs,
  resendTarget,
  type ReplayOrder,
  type StoredReplay,
} from '../../../core/queue/replay.ts';
import { takeOut, type Position } from '../../../core/queue/state/ready-messages.ts';
import type { ReplayTarget } from '../../../protocol/schemas/dead-letters.ts';
import { encodeBatch, recordsAt } from '../../../protocol/record-batch/index.ts';
import type { DeadLetterAnswer, DeadLetterCall, DeadLetterPage } from '../../rpc/dead-letters.ts';
import { isMove, type StoredMove } from '../../../core/queue/messages/move.ts';
import type { Outbox } from './outbox.ts';
import type { ReplayStore } from './replay-store.ts';

/** Messages that one step purges: some milliseconds. */
const PURGE_SLICE = 5_000;

export interface BoxHost {
  /** The name of the queue. */
  name: string;
  letters(): LetterSource;
  outbox: Outbox;
  replays: ReplayStore;
  /** Runs the next slice of a move, which waits among the replays. */
  runMove(move: StoredMove, nowMs: number): StoredMove;
}

export class DeadLetterBox {
  readonly #host: BoxHost;

  constructor(host: BoxHost) {
    this.#host = host;
  }

  answer(call: DeadLetterCall, nowMs: number): DeadLetterAnswer {
    const letters = this.#host.letters();
    switch (call.do) {
      case 'list': {
        const scan = scanLetters(letters, matcherOf(call.filter), call.after, call.max, null, call.bytesMax);
        return { page: pageOf(letters, scan.letters, nextOf(scan)) };
      }
      case 'get': {
        const letter = letterOf(letters, call.id);
        const isMeant = letter && (call.onlyFrom === undefined || hasDiedIn(letter.record, call.onlyFrom));
        return { page: pageOf(letters, isMeant ? [letter] : [], null) };
      }
      case 'resend':
        return this.#resend(letters, call, nowMs);
      case 'replay':
        return { replays: [this.#begin(call.order, letters, nowMs)] };
      case 'count':
        return countLetters(letters, call.order, call.after);
      case 'replays':
        return { replays: this.#own() };
      case 'cancel':
        return this.#cancel(call.id, nowMs);
      case 'purge':
        return purge(letters, call.filter, call.after);
    }
  }

  get isReplaying(): boolean {
    return this.#host.replays.all().some(({ state }) => state === 'running');
  }

  /** Runs the next slice of each replay and move. Returns when to continue; null if all have ended. */
  replay(nowMs: number): number | null {
    const { replays, outbox } = this.#host;
    const { due, nextMs } = dueReplays(replays.all(), outbox.count, nowMs);
    const times = due.map((job) => {
      const after = isMove(job) ? this.#host.runMove(job, nowMs) : this.#runSlice(job, nowMs);
      return nextSliceMs(after, nowMs) ?? Infinity;
    });
    const next = Math.min(nextMs ?? Infinity, ...times);
    return next === Infinity ? null : next;
  }

  /** Replays without the moves that are among them. */
  #own(): StoredReplay[] {
    return this.#host.replays.all().filter((job): job is StoredReplay => !isMove(job));
  }

  #runSlice(replay: StoredReplay, nowMs: number): StoredReplay {
    const letters = this.#host.letters();
    const slice = nextSlice(letters, replay);
    for (const group of slice.groups) this.#send(letters, group.letters, group.target, nowMs);
    const after = afterSlice(replay, slice, nowMs);
    this.#host.replays.put(after);
    return after;
  }

  #begin(order: ReplayOrder, { state }: LetterSource, nowMs: number): StoredReplay {
    const known = this.#own().find(({ id }) => id === order.id);
    if (known) return known; // the order came twice
    const replay = beginReplay(order, state, nowMs);
    this.#host.replays.put(replay);
    return replay;
  }

  #cancel(id: string, nowMs: number): DeadLetterAnswer {
    const known = this.#own().find((replay) => replay.id === id);
    if (!known) return { replays: [] };
    const cancelled = cancelReplay(known, nowMs);
    if (cancelled !== known) this.#host.replays.put(cancelled);
    return { replays: [cancelled] };
  }

  #resend(
    letters: LetterSource,
    { id, bytes, to }: Extract<DeadLetterCall, { do: 'resend' }>,
    nowMs: number,
  ): DeadLetterAnswer {
    const letter = letterOf(letters, id);
    if (!letter) return { count: 0 };
    const resent = resendTarget(to, letter.record);
    if ('refused' in resent) return { count: 0, ...resent };
    const [edited] = bytes.length === 0 ? [letter.record] : recordsAt(bytes, 0);
    this.#send(letters, [{ ...letter, record: edited! }], resent.target, nowMs);
    return { count: 1 };
  }

  #send(
    { state, source }: LetterSource,
    letters: readonly Letter[],
    target: ReplayTarget,
    nowMs: number,
  ): void {
    const { outbox, name } = this.#host;
    outbox.add(
      letters.map(({ record }) => replayedRecord(record, name, nowMs)),
      target,
    );
    for (const { position } of letters) takeOut(state, source, position);
    state.counters.replayed += letters.length;
  }
}

function purge(letters: LetterSource, filter: MessageFilter, after: Position | null): DeadLetterAnswer {
  const { state, source } = letters;
  const scan = scanLetters(letters, matcherOf(filter), after, PURGE_SLICE, null);
  for (const { position } of scan.letters) takeOut(state, source, position);
  state.counters.dropped += scan.letters.length;
  return { count: scan.letters.length, next: nextOf(scan) };
}

function pageOf(
  { queueId }: LetterSource,
  letters: readonly Letter[],
  next: Position | null,
): DeadLetterPage {
  return {
    ids: letters.map(({ position }) => formatDeadLetterId(queueId, position)),
    batches: letters.length === 0 ? new Uint8Array() : encodeBatch(letters.map(({ record }) => record)),
    next,
  };
}
