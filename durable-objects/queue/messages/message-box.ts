/**
 * Message box: lists the messages that a queue holds, cancels one, makes it ready before its time, or moves many. Every
 * method is a step of a commit, so what was answered is durable.
 */

import { deathRecord, retriedRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import {
  attemptsBefore,
  deliveriesBefore,
  failuresBefore,
} from '../../../core/queue/dead-letters/death-headers.ts';
import type { LetterSource } from '../../../core/queue/dead-letters/letter-scan.ts';
import { consumerName } from '../../../core/queue/deliver/consumer-id.ts';
import { heldAt, type HeldMessage } from '../../../core/queue/messages/held-messages.ts';
import {
  formatMessageId,
  isParkedPosition,
  type MessagePosition,
  type ParkedPosition,
} from '../../../core/queue/messages/message-id.ts';
import {
  scanMessages,
  stateOfHeld,
  stateOfParked,
  type FoundMessage,
} from '../../../core/queue/messages/message-scan.ts';
import { cancelReady, countCancelled, runReady } from '../../../core/queue/messages/steer.ts';
import { noteExpiry, noteHead } from '../../../core/queue/state/expiry-look.ts';
import { readMetadata } from '../../../core/queue/state/message-metadata.ts';
import { takeOut, type Position } from '../../../core/queue/state/ready-messages.ts';
import { DAMAGED_HEADER } from '../../../protocol/headers/message-headers.ts';
import { encodeBatch, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { HeldDetails } from '../../../protocol/schemas/queue-messages.ts';
import type { MessageAnswer, MessageCall } from '../../rpc/queue-messages.ts';
import type { Outbox } from '../dead-letters/outbox.ts';
import type { MoveBox } from './move-box.ts';
import { packed } from '../rows/packing.ts';
import type { SegmentAppender } from '../rows/segment-appender.ts';
import type { ParkedMessages } from '../time/parked-messages.ts';

type Error = { type: string; message: string };

export interface MessageBoxHost {
  /** The name of the queue. */
  name: string;
  letters(): LetterSource;
  outbox: Outbox;
  parked: ParkedMessages;
  appender: SegmentAppender;
  moves: MoveBox;
  /** Sends away what has expired, as dead letters. */
  expired(records: readonly LogRecord[], nowMs: number): void;
  /** Holds the limits of the queue, after a message became ready. */
  holdLength(): void;
}

export class MessageBox {
  readonly #host: MessageBoxHost;

  constructor(host: MessageBoxHost) {
    this.#host = host;
  }

  answer(call: MessageCall, nowMs: number): MessageAnswer {
    switch (call.do) {
      case 'list': {
        const { after, ...query } = call;
        const { found, next } = scanMessages(
          this.#host.letters(),
          (from) => this.#host.parked.from(from),
          query,
          after,
        );
        return { page: this.#pageOf(found, next) };
      }
      case 'get': {
        const found = this.#find(call.position);
        return found ? { page: this.#pageOf([found], null) } : { refused: 'not_found' };
      }
      case 'cancel':
        return isParkedPosition(call.position)
          ? this.#cancelParked(call.position, call.error, nowMs)
          : this.#cancelHeld(call.position, call.error, nowMs);
      case 'run':
        return isParkedPosition(call.position)
          ? this.#runParked(call.position, nowMs)
          : this.#runHeld(call.position);
      case 'move':
        return { moves: [this.#host.moves.begin(call.order, nowMs)] };
      case 'count':
        return { counted: this.#host.moves.count(call.order, call.after) };
      case 'moves':
        return { moves: this.#host.moves.all() };
      case 'cancelMove':
        return { moves: this.#host.moves.cancel(call.id, nowMs) };
    }
  }

  #find(position: MessagePosition): FoundMessage | null {
    if (!isParkedPosition(position)) {
      const found = this.#held(position);
      return found && { position, record: found.record, state: stateOfHeld(found.held), held: found.held };
    }
    const parked = this.#host.parked.find(position);
    return parked && { position, record: parked.record, state: stateOfParked(parked), held: null };
  }

  #cancelParked(position: ParkedPosition, error: Error | null, nowMs: number): MessageAnswer {
    const { state } = this.#host.letters();
    const found = this.#host.parked.take(state, position);
    if (found === null) return { refused: 'not_found' };
    const outcome = countCancelled(state, error !== null);
    if (outcome === 'dead_lettered') this.#bury(found.record, { attempts: null }, error, nowMs);
    return this.#done(position, outcome);
  }

  #cancelHeld(position: Position, error: Error | null, nowMs: number): MessageAnswer {
    const { state, source } = this.#host.letters();
    const found = this.#held(position);
    if (found === null) return { refused: 'not_found' };
    const { held, record } = found;
    const outcome = cancelReady(state, source, held, error !== null);
    if (outcome === 'leased') return leased(held);
    if (outcome === 'dead_lettered') this.#bury(record, held, error, nowMs);
    noteHead(state, position.lane, source);
    return this.#done(position, outcome);
  }

  #runParked(position: ParkedPosition, nowMs: number): MessageAnswer {
    const { parked, appender } = this.#host;
    const { state } = this.#host.letters();
    const lane = parked.runNow(state, appender, position, nowMs, (records) =>
      this.#host.expired(records, nowMs),
    );
    if (lane === null) return { refused: 'not_found' };
    if (lane === 'expired') return this.#done(position, 'expired');
    appender.flush(state);
    const offset = state.lanes[lane]!.nextOffset - 1;
    this.#host.holdLength();
    return this.#done({ lane, offset }, 'ready');
  }

  #runHeld(position: Position): MessageAnswer {
    const { appender } = this.#host;
    const { state, source } = this.#host.letters();
    const found = this.#held(position);
    if (found === null) return { refused: 'not_found' };
    const { held, record } = found;
    const turn = runReady(source, held);
    if (turn === 'leased') return leased(held);
    if (turn === 'keyed') return { refused: turn };
    if (turn === 'stays') return this.#done(position, 'unchanged');
    const { attempts } = held;
    const moved = attempts === null ? record : retriedRecord(record, { attempts });
    takeOut(state, source, position);
    noteHead(state, position.lane, source);
    appender.add(turn.to, packed([moved]));
    appender.flush(state);
    noteExpiry(state, readMetadata(moved));
    const offset = state.lanes[turn.to]!.nextOffset - 1;
    this.#host.holdLength();
    return this.#done({ lane: turn.to, offset }, 'ready');
  }

  /** Returns a ready or leased message; null if none is there, or it is damaged, so that nobody will be given it. */
  #held(position: Position): { held: HeldMessage; record: LogRecord } | null {
    const { state, source, recordAt } = this.#host.letters();
    const held = heldAt(state, source, position);
    const record = held && recordAt(held.extent, held.offset);
    return record && !isDamaged(record) ? { held: held!, record } : null;
  }

  #bury(
    record: LogRecord,
    { attempts }: Pick<HeldMessage, 'attempts'>,
    error: Error | null,
    nowMs: number,
  ): void {
    const { outbox, name } = this.#host;
    outbox.add([deathRecord(record, 'rejected', name, nowMs, { attempts, ...(error && { error }) })]);
  }

  #done(position: MessagePosition, outcome: NonNullable<MessageAnswer['done']>['outcome']): MessageAnswer {
    return { done: { id: formatMessageId(this.#host.letters().queueId, position), outcome } };
  }

  #pageOf(found: readonly FoundMessage[], next: MessagePosition | null): NonNullable<MessageAnswer['page']> {
    const { queueId } = this.#host.letters();
    return {
      details: found.map((message) => detailsOf(queueId, message)),
      batches: found.length === 0 ? new Uint8Array() : encodeBatch(found.map(({ record }) => record)),
      next,
    };
  }
}

const isDamaged = (record: LogRecord): boolean => record.headers.some(({ key }) => key === DAMAGED_HEADER);

const leased = ({ lease }: HeldMessage): MessageAnswer => ({
  refused: 'leased',
  leasedUntilMs: lease!.expiresAtMs,
});

function detailsOf(queueId: number, { position, record, state, held }: FoundMessage): HeldDetails {
  const { lease = null, attempts = null } = held ?? {};
  const error = attemptsBefore(record)?.error;
  const consumer = lease === null ? '' : consumerName(lease.consumerId);
  return {
    id: formatMessageId(queueId, position),
    state,
    delivery_count: deliveriesBefore(record) + (attempts?.deliveries ?? (lease === null ? 0 : 1)),
    failed_attempts: failuresBefore(record) + (attempts?.failures ?? 0),
    ...(isParkedPosition(position) && { due_at: position.dueMs }),
    ...(lease !== null && { lease_expires_at: lease.expiresAtMs }),
    ...(consumer !== '' && { consumer_id: consumer }),
    ...(error && { last_error: error }),
  };
}
