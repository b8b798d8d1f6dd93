/** Share calls: acquires records of a share group as stored batches, and acknowledges ranges of their offsets. */

import { decodeAcquiredFrame, type AcquiredFrame } from '../../../protocol/frames/acquired-frame.ts';
import { PADDED, withoutPadding } from '../../../protocol/frames/padding.ts';
import { ACQUIRED_RECORDS_TYPE, JSON_TYPE } from '../../../protocol/headers/media-types.ts';
import type { AcknowledgedReply, RangesOutcome } from '../../../protocol/schemas/share-groups.ts';
import { jsonBody, type Transport } from '../../../sdk/client/transport.ts';
import type { ShareSession, SharePlace } from './share-session.ts';

const pathOf = (group: string): string => `/share-groups/${encodeURIComponent(group)}`;

const wireOf = ({ topic, topicId, partition }: SharePlace): object => ({
  topic,
  topic_id: topicId,
  partition,
});

export interface AcquireLimits {
  recordsMax: number;
  bytesMax: number;
  waitMs: number;
}

/** One attempt: the records of a lost reply are locked. */
export async function acquire(
  transport: Transport,
  { group, lockedBy, partitions }: ShareSession,
  { recordsMax, bytesMax, waitMs }: AcquireLimits,
): Promise<AcquiredFrame> {
  const { bytes } = await transport.call({
    method: 'POST',
    path: `${pathOf(group)}/records`,
    ...jsonBody({
      member_id: lockedBy,
      max_records: recordsMax,
      max_bytes: bytesMax,
      wait_ms: waitMs,
      partitions: partitions.map(wireOf),
    }),
    headers: { accept: `${ACQUIRED_RECORDS_TYPE}${PADDED}`, 'content-type': JSON_TYPE },
    timeoutMs: transport.config.timeoutMs + waitMs,
  });
  const frame = withoutPadding(bytes);
  return frame.length === 0 ? { lock_duration_ms: 0, sections: [] } : decodeAcquiredFrame(frame);
}

export type AcknowledgeKind = 'accept' | 'release' | 'reject' | 'extend';

export interface PlaceAcknowledgement {
  place: SharePlace;
  ranges: { kind: AcknowledgeKind; start: number; end: number }[];
  /** Releases what else the member has locked. */
  isLeaving: boolean;
}

/** @returns what became of each */
export async function acknowledge(
  transport: Transport,
  { group, lockedBy }: ShareSession,
  places: readonly PlaceAcknowledgement[],
): Promise<RangesOutcome[]> {
  if (places.length === 0) return [];
  const { partitions = [] } = await transport.json<AcknowledgedReply>({
    method: 'POST',
    path: `${pathOf(group)}/acknowledgements`,
    ...jsonBody({
      member_id: lockedBy,
      partitions: places.map(({ place, ranges, isLeaving }) => ({
        ...wireOf(place),
        ranges: ranges.map(({ kind, start, end }) => ({ kind, start_offset: start, end_offset: end })),
        release_held: isLeaving,
      })),
    }),
  });
  return partitions.map(({ outcome }) => outcome);
}
