/**
 * Sender of share-group dead letters: takes them from a partition to their queue or topic, in order, at least once. A
 * queue remembers the last number that it took from this partition, so it stores each once. What cannot be sent stays,
 * and holds up only what its own group sends.
 */

import { forQueue } from '../../../core/share/dead-letter.ts';
import { isFailure, type Failure } from '../../../protocol/errors.ts';
import { partitionForKey } from '../../../protocol/murmur2.ts';
import { encodeBatch, recordsIn, type LogRecord } from '../../../protocol/record-batch/index.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import { isStale } from '../../rpc/stale.ts';
import type { Alarm } from '../../runtime/alarm.ts';
import { partitionStub, queueStub, topologyStub } from '../../stubs.ts';
import type { Env } from '../../env.ts';
import type { DeadLetterRow, ShareStore } from './share-store.ts';

const TASK = 'share-dead-letters';
const RETRY_MS = 5_000;
const RETRY_MS_MAX = 300_000;

/** Numbers of one row: more than its records, so that numbers grow from row to row. */
const NUMBERS_PER_ROW = 10_000;

export interface OpenDeadLetters {
  store: ShareStore;
  definition: PartitionDefinition;
}

export class ShareDeadLetterSender {
  readonly #alarm: Alarm;
  readonly #env: Env;
  readonly #open: () => OpenDeadLetters | null;
  readonly #waitUntil: (work: Promise<void>) => void;
  readonly #now: () => number;
  #sending: Promise<void> | null = null;
  #failures = 0;

  constructor(
    alarm: Alarm,
    env: Env,
    open: () => OpenDeadLetters | null,
    waitUntil: (work: Promise<void>) => void,
    now: () => number,
  ) {
    this.#alarm = alarm;
    this.#env = env;
    this.#open = open;
    this.#waitUntil = waitUntil;
    this.#now = now;
    alarm.register(TASK, (nowMs) => {
      this.#send();
      return nowMs + RETRY_MS; // should this object be gone before it is done
    });
  }

  /** Sends waiting dead letters, unless a send is under way or waits for its retry time. */
  wake(): void {
    const open = this.#open();
    if (!open || this.#sending || this.#alarm.isScheduled(TASK)) return;
    if (open.store.nextDeadLetters(0) === null) return;
    this.#alarm.schedule(TASK, this.#now() + RETRY_MS);
    this.#send();
  }

  cancel(): void {
    this.#alarm.schedule(TASK, null);
  }

  #send(): void {
    if (this.#sending) return;
    this.#sending = this.#sendAll()
      .catch(() => true)
      .then((failed) => {
        this.#failures = failed ? this.#failures + 1 : 0;
        const delayMs = Math.min(RETRY_MS * 2 ** (this.#failures - 1), RETRY_MS_MAX);
        this.#alarm.schedule(TASK, failed ? this.#now() + delayMs : null);
      })
      .finally(() => {
        this.#sending = null;
        this.wake(); // what came while the last row was being removed
      });
    this.#waitUntil(this.#sending);
  }

  /** @returns whether something could not be sent */
  async #sendAll(): Promise<boolean> {
    const held = new Set<string>();
    let after = 0;
    for (;;) {
      const open = this.#open();
      const row = open?.store.nextDeadLetters(after) ?? null;
      if (!open || row === null) return held.size > 0;
      after = row.number;
      if (held.has(row.group)) continue;
      const problem = await this.#sendRow(open.definition, row).catch((error: unknown) => String(error));
      if (problem === null) {
        if (this.#open()?.store === open.store) open.store.removeDeadLetters(row.number);
        continue;
      }
      held.add(row.group);
      console.error(`dead letters of share group ${row.group} could not be sent; trying again: ${problem}`);
    }
  }

  /** @returns what prevents it; null if the target has taken them */
  async #sendRow({ topic, partition }: PartitionDefinition, row: DeadLetterRow): Promise<string | null> {
    const records = recordsIn(row.data);
    const topology = topologyStub(this.#env, topic.namespace);
    if ('queue' in row.target) {
      const { queue } = await topology.queue(row.target.queue);
      if (!queue) return `there is no queue "${row.target.queue}"`;
      const name = `share ${row.group}#${row.groupId} ${topic.name}#${topic.id}/${partition}`;
      const numbers = records.map((_, index) => row.number * NUMBERS_PER_ROW + index);
      const result = await queueStub(this.#env, queue).publish(
        queue.version,
        encodeBatch(records.map((record) => forQueue(record))),
        { source: { name, firstNumber: numbers[0]!, numbers } },
      );
      if (isStale(result)) return await propagate(topology);
      if (isFailure(result)) return result.message;
      const isFull = result.exceptions.some(({ outcome }) => outcome === 'rejected');
      return isFull ? `queue "${row.target.queue}" is full` : null;
    }
    const { topic: target } = await topology.topic(row.target.topic);
    if (!target) return `there is no topic "${row.target.topic}"`;
    const { partitions } = target.config;
    const byPartition = Map.groupBy(records, ({ key }) =>
      key === null ? row.number % partitions : partitionForKey(key, partitions),
    );
    for (const [number, share] of byPartition) {
      const stub = partitionStub(this.#env, target, number);
      const result: unknown = await stub.append(target.version, encodeBatch(share as LogRecord[]), {
        isHandedOn: true,
      });
      if (isStale(result)) return await propagate(topology);
      if (isFailure(result)) return (result as Failure).message;
    }
    return null;
  }
}

/** Makes the topology tell the target its definition, for the next attempt. */
async function propagate(topology: { propagate(): Promise<void> }): Promise<string> {
  await topology.propagate();
  return 'the target is being changed';
}
