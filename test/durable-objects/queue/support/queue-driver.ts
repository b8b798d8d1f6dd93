/** A stored queue for tests, with a clock of its own and messages that are numbers. */

import { conservationProblem } from '../../../support/tables/conservation.ts';
import { readyCount } from '../../../../core/queue/state/queue-machine.ts';
import type { Settlement } from '../../../../core/queue/settle/settle.ts';
import { runOfTag } from '../../../../durable-objects/queue/deliver/settle-message.ts';
import type { ReplayOrder, StoredReplay } from '../../../../core/queue/replay.ts';
import type { Published, PublishOptions } from '../../../../durable-objects/rpc/queue.ts';
import { QueueStore } from '../../../../durable-objects/queue/rows/queue-store.ts';
import { recordsOf } from '../../../../core/queue/deliver/stored-records.ts';
import { StoredQueue } from '../../../../durable-objects/queue/stored-queue.ts';
import type { Sql } from '../../../../durable-objects/storage/sql.ts';
import { isFailure, type Failure } from '../../../../protocol/errors.ts';
import { QUEUE_DEFAULTS, type QueueConfig } from '../../../../protocol/schemas/queues.ts';
import { writeJson } from '../../../../protocol/json/json-text.ts';
import {
  messageOfRecord,
  recordOfMessage,
  type MessageProperties,
} from '../../../../protocol/schemas/messages.ts';
import { encodeBatch, recordsIn } from '../../../../protocol/record-batch/index.ts';
import { moveIdOf, type MoveOrder } from '../../../../core/queue/messages/move.ts';
import type { HeldDetails, MessageState } from '../../../../protocol/schemas/queue-messages.ts';
import { parseMessageId, type MessagePosition } from '../../../../core/queue/messages/message-id.ts';
import type { MessageAnswer, MessageCall } from '../../../../durable-objects/rpc/queue-messages.ts';
import { deliveriesOf } from '../../../../core/queue/deliver/deliveries-json.ts';

export interface TestDelivery {
  tag: string;
  body: unknown;
  count: number;
}

export class QueueDriver {
  readonly sql: Sql;
  readonly config: QueueConfig;
  nowMs = 1_000_000;
  #replays = 0;
  queue: StoredQueue;

  constructor(sql: Sql, config: Partial<QueueConfig> = {}) {
    this.sql = sql;
    this.config = { ...QUEUE_DEFAULTS, ...config };
    new QueueStore(sql).writeQueue({ definition: this.#definition, isPaused: false, usedMs: 0 });
    this.queue = this.#open(sql);
  }

  get #definition() {
    return { namespace: 'default', name: 'q', id: 7, version: 7, config: this.config };
  }

  get context() {
    return { nowMs: this.nowMs, random: 0.5 };
  }

  /** As after an eviction: all that is known comes from the rows. */
  reopen(sql: Sql = this.sql): void {
    this.queue = this.#open(sql);
  }

  publish(
    bodies: readonly (number | string)[],
    properties: MessageProperties = {},
    options: PublishOptions = {},
  ): Published {
    const published = this.tryPublish(bodies, properties, options);
    if (isFailure(published)) throw new Error(`${published.code}: ${published.message}`);
    return published;
  }

  tryPublish(
    bodies: readonly (number | string)[],
    properties: MessageProperties = {},
    options: PublishOptions = {},
  ): Published | Failure {
    const bytes = this.bytesOf(bodies, () => properties);
    return this.queue.commit(() => {
      const published = this.queue.publish(bytes, options, this.context);
      this.queue.store();
      return published;
    });
  }

  bytesOf(
    bodies: readonly (number | string)[],
    propertiesOf: (index: number) => MessageProperties = () => ({}),
  ): Uint8Array {
    const records = bodies.map((body, index) => {
      const record = recordOfMessage({ body, properties: propertiesOf(index) }, this.nowMs);
      if (typeof record === 'string') throw new Error(record);
      return record;
    });
    return encodeBatch(records);
  }

  deliver(max = 1_000, consumerId = '', autoAck = false): TestDelivery[] {
    const command = { max, bytesMax: 1e9, leaseMs: this.config.lease_ms, consumerId, autoAck };
    const frame = this.queue.commit(() => this.queue.deliver(command, this.context));
    if (frame === null) return [];
    return deliveriesOf(frame).deliveries.map(({ delivery_tag, body, delivery_count }) => ({
      tag: delivery_tag,
      body: JSON.parse(writeJson(body)) as unknown,
      count: delivery_count,
    }));
  }

  settle(tags: readonly string[], settlement: Settlement, consumerId?: string): string[] {
    const runs = tags.map((tag) => runOfTag(tag, settlement));
    return this.queue.commit(() => this.queue.settleRuns(runs, consumerId, this.context));
  }

  /** Replays ready messages to another queue, at most `limit`, slice by slice. Returns how many left. */
  replay(limit: number | null = null, order: Partial<ReplayOrder> = {}): StoredReplay {
    const id = `replay-${this.#replays++}`;
    const whole = {
      id,
      filter: { any: true as const },
      ids: null,
      to: { queue: 'elsewhere' },
      limit,
      ratePerS: null,
      ...order,
    };
    this.queue.commit(() => this.queue.deadLetters.answer({ do: 'replay', order: whole }, this.nowMs));
    for (let next: number | null = 0; next !== null;) {
      next = this.queue.commit(() => this.queue.deadLetters.replay(this.nowMs));
      if (next !== null && next > this.nowMs + 1) this.drain(); // it waits until others have left
    }
    const { replays } = this.queue.commit(() => this.queue.deadLetters.answer({ do: 'replays' }, this.nowMs));
    return replays!.find((replay) => replay.id === id)!;
  }

  /** All messages that the queue holds, read in pages of so many. */
  list(pageMax = 1_000): { id: string; body: number; state: MessageState; details: HeldDetails }[] {
    const listed: ReturnType<QueueDriver['list']> = [];
    for (let after: MessagePosition | null = null; ;) {
      const call: MessageCall = { do: 'list', states: null, after, max: pageMax, bytesMax: 1e9 };
      const { page }: MessageAnswer = this.queue.commit(() => this.queue.messages.answer(call, this.nowMs));
      recordsIn(page!.batches).forEach((record, index) => {
        const details = page!.details[index]!;
        const body = JSON.parse(writeJson(messageOfRecord(record).body)) as number;
        listed.push({ id: details.id, body, state: details.state, details });
      });
      if (page!.next === null) return listed;
      after = page!.next;
    }
  }

  /** Cancels, runs or reads the message of an id. */
  steer(id: string, call: (position: MessagePosition) => MessageCall): MessageAnswer {
    const position = parseMessageId(this.#definition.id, id);
    if (position === null) throw new Error(`"${id}" is no id of a message`);
    return this.queue.commit(() => this.queue.messages.answer(call(position), this.nowMs));
  }

  /** Moves messages to another queue, slice by slice. Returns how many left. */
  move(order: Pick<MoveOrder, 'limit' | 'states'>): number {
    const id = `move-${this.#replays++}`;
    const to = { queue: 'elsewhere' };
    const whole: MoveOrder = { id, filter: {}, positions: null, to, ratePerS: null, ...order };
    const answer = (call: MessageCall): MessageAnswer =>
      this.queue.commit(() => this.queue.messages.answer(call, this.nowMs));
    answer({ do: 'move', order: whole });
    while (this.queue.commit(() => this.queue.deadLetters.replay(this.nowMs)) !== null);
    return answer({ do: 'moves' }).moves!.find((move) => moveIdOf(move) === id)!.moved;
  }

  /** As if another object had taken what is in the outbox. Returns the messages in order, with where they go. */
  drain(): { number: number; target: string; body: unknown }[] {
    const left: { number: number; target: string; body: unknown }[] = [];
    for (let row = this.queue.nextOutbox(); row !== null; row = this.queue.nextOutbox()) {
      for (const [index, record] of recordsOf(row.data).entries()) {
        const body: unknown = JSON.parse(writeJson(messageOfRecord(record).body));
        left.push({ number: row.number + index, target: row.target, body });
      }
      this.queue.removeOutbox(row, { cycle: 0, hop_limit: 0, unroutable: 0, dropped: 0 });
    }
    return left;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    while (this.queue.commit(() => this.queue.expireLeases(this.nowMs)) > 0);
    while (this.queue.commit(() => this.queue.promote(this.nowMs)));
    this.queue.commit(() => this.queue.expireHeads(this.nowMs));
  }

  get counts() {
    const { leased, parked } = this.queue.state;
    return { ready: readyCount(this.queue.state), leased, parked, outgoing: this.queue.outgoing };
  }

  check(): void {
    const problem = conservationProblem(this.queue.state);
    if (problem !== null) throw new Error(problem);
  }

  rowsWrittenBy(action: () => void): number {
    const before = this.sql.meter.rowsWritten;
    action();
    return this.sql.meter.rowsWritten - before;
  }

  #open(sql: Sql): StoredQueue {
    return new StoredQueue(sql, this.#definition, false, this.nowMs);
  }
}
