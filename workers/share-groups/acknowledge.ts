/**
 * Acknowledge: acknowledges records of a share group. Each partition gets one call with its tags, and the answers come
 * back in order.
 */

import type { Acknowledgement } from '../../core/share/acknowledge.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { Env } from '../../durable-objects/env.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import {
  parseAcquisitionTag,
  type AcknowledgedReply,
  type AcknowledgeFields,
  type AcknowledgeOutcome,
} from '../../protocol/schemas/share-groups.ts';
import type { TopicAndPartition } from '../groups/group-offsets.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { callShared } from './share-partitions.ts';

interface Item {
  tag: string;
  kind: Acknowledgement['kind'];
  lockMs?: number;
}

export async function acknowledgeRecords(
  env: Env,
  group: ShareGroupDefinition,
  places: readonly TopicAndPartition[],
  fields: AcknowledgeFields,
): Promise<AcknowledgedReply | Failure> {
  const items = itemsOf(fields);
  const outcomes = items.map((): AcknowledgeOutcome => 'unknown_tag');
  const byKey = new Map(places.map((place) => [`${place.topic.id}/${place.partition}`, place]));
  const shares = new Map<TopicAndPartition, { indexes: number[]; acknowledgements: Acknowledgement[] }>();
  for (const [index, { tag: text, kind, lockMs }] of items.entries()) {
    const tag = parseAcquisitionTag(text);
    const place = tag?.groupId === group.id && byKey.get(`${tag.topicId}/${tag.partition}`);
    if (!tag || !place) continue;
    let share = shares.get(place);
    if (!share) shares.set(place, (share = { indexes: [], acknowledgements: [] }));
    share.indexes.push(index);
    const { offset, delivery } = tag;
    share.acknowledgements.push({ kind, offset, delivery, ...(lockMs !== undefined && { lockMs }) });
  }
  const failures = await inBatches([...shares], async ([place, { indexes, acknowledgements }]) => {
    const result = await callShared<AcknowledgeOutcome[]>(
      env,
      group,
      place,
      async (stub, version, current) =>
        await stub.acknowledgeShared(version, {
          group: current,
          memberId: fields.member_id,
          acknowledgements,
        }),
    );
    // Records of a topic that is gone are gone too, as are those whose tags name another topic than is there.
    if (isFailure(result)) return result.code === 'inconsistent_topic_id' ? null : result;
    for (const [at, outcome] of result.entries()) outcomes[indexes[at]!] = outcome;
    return null;
  });
  // Whoever sends all again hears `already_done` of those that were taken.
  const failed = failures.find((one) => one !== null);
  if (failed) return failed;
  return { results: items.map(({ tag }, index) => ({ tag, outcome: outcomes[index]! })) };
}

function itemsOf({ accept, release, reject, extend }: AcknowledgeFields): Item[] {
  return [
    ...accept.map((tag) => ({ tag, kind: 'accept' as const })),
    ...release.map((tag) => ({ tag, kind: 'release' as const })),
    ...reject.map((tag) => ({ tag, kind: 'reject' as const })),
    ...extend.map(({ tag, lock_duration_ms: lockMs }) => ({ tag, kind: 'extend' as const, lockMs })),
  ];
}
