/**
 * Acknowledge: acknowledges records of a share group, by tags or by ranges of offsets. Each partition gets one call with what is for
 * it, and the answers come back in order.
 */

import type { Acknowledgement, RangeAcknowledgement } from '../../core/share/acknowledge.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { ShareAcknowledged } from '../../durable-objects/rpc/share-groups.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import {
  parseAcquisitionTag,
  type AcknowledgedPartition,
  type AcknowledgedReply,
  type AcknowledgeFields,
  type AcknowledgeOutcome,
  type RangesOutcome,
} from '../../protocol/schemas/share-groups.ts';
import type { TopicAndPartition } from '../groups/group-offsets.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { callShared } from './share-partitions.ts';

interface Item {
  tag: string;
  kind: Acknowledgement['kind'];
  lockMs?: number;
}

/** What one partition is told. */
interface Part {
  place: TopicAndPartition;
  /** Of the items that the acknowledgements are of. */
  indexes: number[];
  acknowledgements: Acknowledgement[];
  ranges: RangeAcknowledgement[];
  isLeaving: boolean;
}

export async function acknowledgeRecords(
  env: Env,
  group: ShareGroupDefinition,
  places: readonly TopicAndPartition[],
  fields: AcknowledgeFields,
): Promise<AcknowledgedReply | Failure> {
  const items = itemsOf(fields);
  const outcomes = items.map((): AcknowledgeOutcome => 'unknown_tag');
  const parts = new Parts(places);
  for (const [index, { tag: text, kind, lockMs }] of items.entries()) {
    const tag = parseAcquisitionTag(text);
    const part = tag?.groupId === group.id ? parts.of(tag.topicId, tag.partition) : null;
    if (!tag || !part) continue;
    part.indexes.push(index);
    const { offset, delivery } = tag;
    part.acknowledgements.push({ kind, offset, delivery, ...(lockMs !== undefined && { lockMs }) });
  }
  const ranged = fields.partitions.map((given) => parts.named(given));
  for (const [index, part] of ranged.entries()) {
    if (part === null) continue;
    const { ranges, release_held: isLeaving } = fields.partitions[index]!;
    part.ranges.push(...ranges.map((range) => rangeOf(range, group.config.lock_duration_ms)));
    part.isLeaving ||= isLeaving;
  }
  const told = new Map<Part, RangesOutcome>();
  const failures = await inBatches(parts.all(), async (part) => {
    const { place, indexes, acknowledgements, ranges, isLeaving } = part;
    const result = await callShared<ShareAcknowledged>(
      env,
      group,
      place,
      async (stub, version, current) =>
        await stub.acknowledgeShared(version, {
          group: current,
          memberId: fields.member_id,
          acknowledgements,
          ranges,
          isLeaving,
        }),
    );
    // Records of a topic that is gone are gone too, as are those whose tags name another topic than is there.
    if (isFailure(result)) return result.code === 'inconsistent_topic_id' ? null : result;
    for (const [at, outcome] of result.outcomes.entries()) outcomes[indexes[at]!] = outcome;
    told.set(part, result.ranges);
    return null;
  });
  // Whoever sends all again hears `already_done` of those that were taken.
  const failed = failures.find((one) => one !== null);
  if (failed) return failed;
  return {
    results: items.map(({ tag }, index) => ({ tag, outcome: outcomes[index]! })),
    ...(ranged.length > 0 && {
      partitions: fields.partitions.map(({ topic, topic_id, partition }, index) => {
        const part = ranged[index];
        return { topic, topic_id, partition, outcome: (part && told.get(part)) ?? 'unknown_record' };
      }),
    }),
  };
}

/** The calls to make, by partition. */
class Parts {
  readonly #places: ReadonlyMap<string, TopicAndPartition>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #parts = new Map<string, Part>();

  constructor(places: readonly TopicAndPartition[]) {
    this.#places = new Map(places.map((place) => [`${place.topic.id}/${place.partition}`, place]));
    this.#ids = new Map(places.map(({ topic }) => [topic.name, topic.id]));
  }

  /** Null if the group does not read the partition. */
  of(topicId: number, partition: number): Part | null {
    const key = `${topicId}/${partition}`;
    const place = this.#places.get(key);
    if (!place) return null;
    const part = this.#parts.get(key) ?? {
      place,
      indexes: [],
      acknowledgements: [],
      ranges: [],
      isLeaving: false,
    };
    this.#parts.set(key, part);
    return part;
  }

  named({ topic, topic_id: topicId, partition }: AcknowledgedPartition): Part | null {
    const id = topicId ?? this.#ids.get(topic);
    return id === undefined ? null : this.of(id, partition);
  }

  all(): Part[] {
    return [...this.#parts.values()];
  }
}

function rangeOf(
  {
    kind,
    start_offset: start,
    end_offset: end,
    lock_duration_ms: lockMs,
  }: AcknowledgedPartition['ranges'][number],
  defaultMs: number,
): RangeAcknowledgement {
  return { kind, start, end, ...(kind === 'extend' && { lockMs: lockMs ?? defaultMs }) };
}

function itemsOf({ accept, release, reject, extend }: AcknowledgeFields): Item[] {
  return [
    ...accept.map((tag) => ({ tag, kind: 'accept' as const })),
    ...release.map((tag) => ({ tag, kind: 'release' as const })),
    ...reject.map((tag) => ({ tag, kind: 'reject' as const })),
    ...extend.map(({ tag, lock_duration_ms: lockMs }) => ({ tag, kind: 'extend' as const, lockMs })),
  ];
}
