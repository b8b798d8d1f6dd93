/**
 * Dispatcher: passes units to the handler, several at once, and retries failures. After the last retry the record goes
 * to the dead letters.
 */

import { sleep } from '../../client/sleep.ts';
import { messageOf, PosthornError } from '../../errors.ts';
import { GroupBatch, type GroupRecord } from '../group-record.ts';
import type { GroupConsumerConfig } from '../options.ts';
import type { PartitionWork, TakeMode, Unit } from './partition-work.ts';

export interface DispatcherHost {
  readonly works: readonly PartitionWork[];
  /** Progress was made: something can be committed, and perhaps more be fetched. */
  handled(work: PartitionWork): void;
  /** Some of what was fetched is not waiting any more. */
  drained(): void;
  /** Takes the place of the handler after the last retry; throws if it cannot. Null: the consumer ends. */
  readonly bury:
    | ((records: readonly GroupRecord[], error: unknown, attempts: number) => Promise<void>)
    | null;
  tell(error: unknown, record: GroupRecord | null): void;
  fail(error: unknown): void;
}

export class Dispatcher {
  readonly #host: DispatcherHost;
  readonly #config: GroupConsumerConfig;
  readonly #mode: TakeMode;
  #running = 0;
  /** Where the search for work begins, so that each partition has its turn. */
  #cursor = 0;
  #isWorking = false;
  /** Units whose delay before a retry is over. */
  readonly #due: Unit[] = [];

  constructor(host: DispatcherHost, config: GroupConsumerConfig) {
    this.#host = host;
    this.#config = config;
    this.#mode = config.eachBatch
      ? { by: 'batch', most: config.maxBatchRecords }
      : { by: config.orderBy === 'key' ? 'key' : 'record' };
  }

  /** Begins whatever can begin. */
  work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    const { concurrency } = this.#config;
    while (this.#running < concurrency && this.#due.length > 0) this.#attempt(this.#due.shift()!);
    for (let idle = 0; this.#running < concurrency && idle < this.#host.works.length; idle++) {
      const { works } = this.#host;
      const work = works[this.#cursor++ % works.length]!;
      const unit = work.take(this.#mode, this.#decoded);
      if (unit === null) continue;
      this.#attempt(unit);
      idle = -1;
    }
    this.#isWorking = false;
  }

  readonly #decoded = (error?: unknown): void => {
    if (error !== undefined) return this.#host.fail(error);
    this.#host.drained();
    this.work();
  };

  #attempt(unit: Unit): void {
    const { work } = unit;
    if (work.state === 'ended') return work.finish(unit, false);
    unit.attempts++;
    try {
      const result = this.#call(unit);
      if (!isThenable(result)) return this.#handled(unit);
      this.#running++;
      result.then(
        () => this.#returned(() => this.#handled(unit)),
        (error: unknown) => this.#returned(() => this.#threw(unit, error)),
      );
    } catch (error) {
      this.#threw(unit, error);
    }
  }

  #call(unit: Unit): unknown {
    const { eachRecord, eachBatch } = this.#config;
    const { work, attempts: attempt, records } = unit;
    const context = { attempt, signal: work.lost.signal };
    if (eachRecord) return eachRecord(records[0]!, context);
    const handled = (position: number): void => {
      work.handledUpTo(unit, position);
      if (this.#config.commit === 'interval') this.#host.handled(work);
    };
    return eachBatch!(new GroupBatch(records, handled), context);
  }

  #returned(end: () => void): void {
    this.#running--;
    end();
    this.work();
  }

  #handled(unit: Unit): void {
    unit.work.finish(unit, true);
    this.#host.handled(unit.work);
  }

  #threw(unit: Unit, error: unknown): void {
    const { work, records, attempts } = unit;
    this.#host.tell(error, records[0] ?? null);
    if (records.length === 0) return this.#handled(unit);
    const delayMs = this.#config.retry.scheduleMs[attempts - 1];
    if (work.state === 'ended') {
      work.finish(unit, false);
    } else if (delayMs !== undefined) {
      this.#later(unit, sleep(delayMs, work.ending.signal));
    } else if (this.#host.bury === null) {
      this.#host.fail(handlerFailed(records[0]!, error, attempts));
      work.finish(unit, false);
    } else {
      this.#bury(unit, this.#host.bury(records, error, attempts));
    }
  }

  #later(unit: Unit, delay: Promise<void>): void {
    delay.then(
      () => {
        this.#due.push(unit);
        this.work();
      },
      () => unit.work.finish(unit, false),
    );
  }

  #bury(unit: Unit, buried: Promise<void>): void {
    this.#running++;
    buried.then(
      () => this.#returned(() => this.#handled(unit)),
      (error: unknown) =>
        this.#returned(() => {
          this.#host.fail(error);
          unit.work.finish(unit, false);
        }),
    );
  }
}

function handlerFailed(record: GroupRecord, cause: unknown, attempts: number): PosthornError {
  const { topic, partition, offset } = record;
  return new PosthornError(
    'handler_failed',
    `the handler of topic "${topic}", partition ${partition}, offset ${offset} failed ${attempts} times: ${messageOf(cause)}`,
    { cause, details: { topic, partition, offset, attempts } },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}
