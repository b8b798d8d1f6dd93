/**
 * Acquire: acquires records of all partitions of a share group as one answer. It asks each partition for an equal part
 * and never for more, because acquired records are locked. If none has anything the router waits for new records with a
 * socket to each partition, so that they can sleep, and looks again when a lock ends; what other members release it
 * finds by looking once a second, while any record is in flight.
 */

import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { ReadRequest } from '../../durable-objects/rpc/partition.ts';
import type { ShareAcquired } from '../../durable-objects/rpc/share-groups.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { AcquireFields, SharePlace } from '../../protocol/schemas/share-groups.ts';
import { checkedWaitMs } from '../access/revocable.ts';
import { grantReply, releaseReply } from '../bounds/reply-bytes.ts';
import { isAcceptedAtOnce } from '../deliver/consume-level.ts';
import type { TopicAndPartition } from '../groups/group-offsets.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { SocketSet } from '../groups/wait-for-any.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { AppContext } from '../http/context.ts';
import type { WaitingClient } from '../http/signs-of-life.ts';
import { callShared, sharePartitions } from './share-partitions.ts';

/** Partitions asked at the same time. Each may answer a batch of a MiB, whatever its share is. */
const FAN_OUT = 16;

/** How often partitions that had their whole share are asked for more. */
const ROUNDS_MAX = 3;

/** How often partitions are looked up again in one call, because their topic was made again. */
const REPLACED_MAX = 3;

/** Between two looks for records that other members have released. */
const RELEASED_LOOK_MS = 1_000;

export interface Section {
  place: TopicAndPartition;
  result: ShareAcquired;
}

/** What the partitions that have nothing to give have said. */
type Empty = Section[];

/** What was acquired; no sections if there was nothing in time. */
export interface Acquisition {
  group: ShareGroupDefinition;
  sections: readonly Section[];
  isAccepted: boolean;
}

/** @param weight how much each byte of batches counts in the reply */
export async function acquireSections(
  c: AppContext,
  lookUp: () => Promise<ShareGroupDefinition | Failure>,
  fields: AcquireFields,
  { atLeast, weight, client }: { atLeast: number; weight: number; client: WaitingClient },
): Promise<Acquisition | Failure> {
  const isAccepted = isAcceptedAtOnce(fields.delivery);
  if (isFailure(isAccepted)) return isAccepted;
  const endMs = Date.now() + checkedWaitMs(c, fields.wait_ms);
  for (let replaced = 0; ;) {
    const group = await lookUp();
    if (isFailure(group)) return group;
    const all = await sharePartitions(c.env, group, atLeast);
    const places = fields.partitions === undefined ? all : chosen(all, group, fields.partitions);
    if (isFailure(places)) return places;
    const bytesMax = await grantReply(c.req.raw, fields.max_bytes, weight);
    if (isFailure(bytesMax)) return bytesMax;
    const round = await acquireShares(c, group, places, { ...fields, max_bytes: bytesMax }, isAccepted);
    // A topic was made again: what is known of it has been refreshed.
    if (isFailure(round) && round.code === 'inconsistent_topic_id' && replaced++ < REPLACED_MAX) continue;
    if (isFailure(round)) return round;
    if (round.sections.length > 0) return { group, sections: round.sections, isAccepted };
    releaseReply(c.req.raw);
    client.waitBegins();
    if (!(await waitForRecords(c, round.empty, endMs, client.signal)))
      return { group, sections: [], isAccepted };
  }
}

function chosen(
  all: readonly TopicAndPartition[],
  { name }: ShareGroupDefinition,
  asked: readonly SharePlace[],
): TopicAndPartition[] | Failure {
  const byName = new Map(all.map((place) => [`${place.topic.name}/${place.partition}`, place]));
  const places = new Set<TopicAndPartition>();
  for (const { topic, topic_id: topicId, partition } of asked) {
    const place = byName.get(`${topic}/${partition}`);
    if (!place) {
      return failure(
        'partition_not_found',
        `share group "${name}" reads no partition ${partition} of a topic "${topic}"`,
      );
    }
    if (topicId !== undefined && topicId !== place.topic.id) {
      return failure('inconsistent_topic_id', `topic "${topic}" was deleted and made again`);
    }
    places.add(place);
  }
  return [...places];
}

async function acquireShares(
  c: AppContext,
  group: ShareGroupDefinition,
  places: readonly TopicAndPartition[],
  { member_id: memberId, max_records, max_bytes, lock_duration_ms: lockMs }: AcquireFields,
  isAccepted: boolean,
): Promise<{ sections: Section[]; empty: Empty } | Failure> {
  const sections: Section[] = [];
  const empty: Empty = [];
  let recordsLeft = max_records;
  let bytesLeft = max_bytes;
  const first = Math.floor(Math.random() * places.length); // nobody is always the last to be given a share
  let asked = [...places.slice(first), ...places.slice(0, first)];
  // If less is wanted than there are partitions, it takes more rounds to have asked them all.
  for (let round = 0; asked.length > 0 && (round < ROUNDS_MAX || sections.length === 0); round++) {
    const more: TopicAndPartition[] = [];
    for (let from = 0; from < asked.length; from += FAN_OUT) {
      const turn = asked.slice(from, from + FAN_OUT);
      if (recordsLeft <= 0 || bytesLeft <= 0) return { sections, empty };
      const waiting = asked.length - from + more.length;
      const quotas = quotasOf(recordsLeft, turn.length, waiting);
      const now = turn.filter((_, index) => quotas[index]! > 0);
      more.push(...turn.slice(now.length));
      const bytesMax = Math.max(1, Math.floor(bytesLeft / waiting));
      const results = await inBatches(
        now.map((place, index) => ({ place, recordsMax: quotas[index]! })),
        ({ place, recordsMax }) =>
          callShared<ShareAcquired>(c.env, group, place, async (stub, version, current) => {
            const duration = lockMs ?? current.config.lock_duration_ms;
            const request = { group: current, memberId, recordsMax, bytesMax, lockMs: duration, isAccepted };
            return await stub.acquireShared(version, request);
          }),
      );
      let failed: Failure | null = null;
      for (const [index, result] of results.entries()) {
        if (isFailure(result)) {
          failed = result;
          continue;
        }
        const place = now[index]!;
        const count = countOf(result);
        if (count > 0) sections.push({ place, result });
        else empty.push({ place, result });
        recordsLeft -= count;
        bytesLeft -= Math.max(result.batches.length, result.inflatedBytes);
        if (count === quotas[index]!) more.push(place);
      }
      // What is locked has to be told; whoever asks next hears of the failure.
      if (failed) return sections.length > 0 ? { sections, empty } : failed;
    }
    asked = more;
  }
  return { sections, empty };
}

/** Equal shares for those that are asked now, of those that are yet to be asked: together never more than there are. */
function quotasOf(records: number, now: number, waiting: number): number[] {
  const each = Math.floor(records / waiting);
  let rest = Math.min(now, records - each * waiting);
  return Array.from({ length: now }, () => each + (rest-- > 0 ? 1 : 0));
}

export const countOf = ({ acquired }: ShareAcquired): number =>
  acquired.reduce((sum, { start, end }) => sum + end - start, 0);

/** @returns whether to look again; false: the time is over, or the client has left */
async function waitForRecords(
  c: AppContext,
  empty: Empty,
  endMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (Date.now() >= endMs) return false;
  const sockets = new SocketSet(signal);
  try {
    const waiting = empty.filter(({ result }) => result.waitOffset !== null);
    const opened = await inBatches(waiting, async ({ place: { topic, partition }, result }) =>
      callPartition<Response>(
        c.env,
        topic,
        partition,
        async (stub, version) => {
          const request: ReadRequest = {
            version,
            offset: result.waitOffset,
            bytesMax: 1,
            recordsMax: 1,
            isolation: 'read_committed',
          };
          const url = `https://partition/?${encodeURIComponent(JSON.stringify(request))}`;
          return await stub.fetch(url, { headers: { upgrade: 'websocket' } });
        },
        { isPinned: true },
      ),
    );
    let isThereNow = false;
    for (const response of opened) {
      if (!isFailure(response) && response.webSocket) sockets.add(response.webSocket);
      else isThereNow = true; // a record, or a start of the log that has moved
    }
    if (isThereNow) return true;
    const expiries = empty.flatMap(({ result }) => result.nextExpiryMs ?? []);
    const lookMs = expiries.length > 0 ? Math.min(Date.now() + RELEASED_LOOK_MS, ...expiries) : Infinity;
    const sign = await sockets.wait(Math.max(1, Math.min(endMs, lookMs) - Date.now()));
    return sign !== 'left' && (sign === 'message' || Date.now() < endMs);
  } finally {
    sockets.close();
  }
}
