/** Level handlers of a group consumer: they commit before the work, or in one transaction with its results. */

import { sleep } from '../../client/sleep.ts';
import { asPosthornError } from '../../errors.ts';
import type { TransactionalProducer } from '../../transactions/transactional-producer.ts';
import type { Committer } from '../committer.ts';
import type { GroupBatch, GroupRecord } from '../group-record.ts';
import type { GroupConsumerConfig, HandlerContext } from '../options.ts';

/** What handlers need of the consumer at work. */
interface Host {
  readonly committer: Committer;
  /** Tells `onError`. */
  tell(error: unknown, record?: GroupRecord | null): void;
  /** Ends the consumer. */
  fail(error: unknown): void;
}

type BatchHandler = NonNullable<GroupConsumerConfig['eachBatch']>;
type UnitHandler = (unit: GroupRecord | GroupBatch, ...more: unknown[]) => unknown;

/** After a call that had no answer within `deliveryTimeoutMs`, in ms. */
const ASK_AGAIN_MS = 1_000;

/** What the dispatcher is to do: with two of the levels it hands out batches. */
export function dispatched(config: GroupConsumerConfig, host: Host): GroupConsumerConfig {
  const { delivery, producer, eachRecord, eachBatch } = config;
  if (delivery === 'at-least-once') return config;
  const handle = (eachRecord ?? eachBatch) as UnitHandler;
  const run: BatchHandler = async (batch, context) => {
    if (producer) {
      // Of a partition that was lost since: whoever has that goes by what became of it, here it only has to be over.
      if (producer.isUndecided) await persistently('commit', producer, host, context);
      await persistently('begin', producer, host, context);
    } else await host.committer.commit([batch.position]); // then nobody handles them again, whatever becomes of it
    for (const unit of eachRecord ? batch.records : [batch]) {
      try {
        await (producer ? handle(unit, producer, context) : handle(unit, context));
      } catch (error) {
        if (!producer) host.tell(error, 'records' in unit ? batch.records[0] : unit);
        else {
          await producer.abort().catch(() => {}); // then the next `begin` does it
          throw error;
        }
      }
    }
    if (!producer) return;
    void producer.sendOffsets(batch.owner, [batch.position]); // the commit tells
    await persistently('commit', producer, host, context);
  };
  return { ...config, eachRecord: undefined, eachBatch: run };
}

/**
 * Begins or commits, and returns only when the outcome is known. Until a commit is decided, its records must neither be
 * handled again nor skipped. If the outcome cannot be known, the consumer ends, and the next one begins at the group's
 * offset.
 */
async function persistently(
  call: 'begin' | 'commit',
  producer: TransactionalProducer,
  host: Host,
  { signal }: HandlerContext,
): Promise<void> {
  for (;;) {
    try {
      return await producer[call]();
    } catch (cause) {
      const isCommit = call === 'commit';
      if (isCommit && !producer.isUndecided) throw cause; // it is aborted
      const error = asPosthornError(cause);
      if (!error.retryable) {
        if (isCommit) host.fail(error);
        throw error;
      }
      host.tell(error);
      await sleep(ASK_AGAIN_MS, signal);
    }
  }
}
