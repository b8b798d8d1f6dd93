/** Group records: what handlers get. A record, or a batch of one partition. */

import type { PartitionOffset } from '../values/topic-partition.ts';
import type { LogRecord } from '../../protocol/record-batch/index.ts';
import { ReceivedRecord } from '../reader/received-record.ts';
import type { GroupOwner } from '../values/offset-to-commit.ts';

/** Where to read on in a partition, and the topic that the offset belongs to. */
export interface RecordPosition extends PartitionOffset {
  topicId: number;
}

/** What records know of where they came from. */
export interface Origin {
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
  readonly owner: GroupOwner;
}

export class GroupRecord extends ReceivedRecord {
  readonly #origin: Origin;

  /** Made by the consumer. */
  constructor(origin: Origin, record: LogRecord) {
    super(origin.partition, record, origin.topicId);
    this.#origin = origin;
  }

  get topic(): string {
    return this.#origin.topic;
  }

  /** Who has it: for committing it elsewhere, in a transaction. */
  get owner(): GroupOwner {
    return this.#origin.owner;
  }

  /** What to commit when it and all before it are handled: the offset after it. */
  get position(): RecordPosition {
    const { topic, topicId, partition, offset } = this;
    return { topic, topicId, partition, offset: offset + 1 };
  }
}

/** Records of one partition, in their order; at least one. */
export class GroupBatch {
  readonly records: readonly GroupRecord[];
  readonly #handled: (position: number) => void;

  /** Made by the consumer. */
  constructor(records: readonly GroupRecord[], handled: (position: number) => void) {
    this.records = records;
    this.#handled = handled;
  }

  get topic(): string {
    return this.records[0]!.topic;
  }

  get partition(): number {
    return this.records[0]!.partition;
  }

  get owner(): GroupOwner {
    return this.records[0]!.owner;
  }

  /** What to commit when all of it is handled. */
  get position(): RecordPosition {
    return this.records.at(-1)!.position;
  }

  /** Marks this record and those before it as handled. If the handler throws, the next attempt begins after it. */
  markHandled({ offset }: GroupRecord): void {
    this.#handled(offset + 1);
  }
}
