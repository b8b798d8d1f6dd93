/**
 * Store changes: appends those changes of a request that their partitions do not know yet. What is known was read from the end of the log,
 * and the append takes effect only if the log still ends there: of two requests with the same changes one stores them, and the other
 * looks again.
 */

import { CHANGE_HEADER, KNOWN_MAX, KnownChanges } from '../../core/ingest/known-changes.ts';
import { needsOf } from '../../core/access/reach.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { PartitionDescription, ReadRequest } from '../../durable-objects/rpc/partition.ts';
import type { Stale } from '../../durable-objects/rpc/stale.ts';
import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { NEXT_OFFSET_HEADER } from '../../protocol/headers/media-types.ts';
import {
  isDamaged,
  packBatches,
  surveyBatches,
  visitRecordsAsync,
  type RecordHeader,
  type RecordInput,
} from '../../protocol/record-batch/index.ts';
import type { ProduceRecord } from '../../protocol/schemas/records.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';
import { refuseReach } from '../access/authorize.ts';
import { noteFull } from '../access/quotas/full-namespaces.ts';
import { spendOnPublish } from '../access/quotas/rates.ts';
import { lookUpTopic } from '../cache/topology-cache.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { AppContext } from '../http/context.ts';
import { requestTrace } from '../http/trace-context.ts';
import { checkProduceRequest, partitionRecords, type PartitionRecords } from '../produce/json-records.ts';

/** Others may append to the same partition meanwhile. */
const ATTEMPTS = 5;

const READ_BYTES = 1024 * 1024;

/** Partitions whose changes are in memory, each with some 300 KB; the one that was used longest ago goes. */
const PARTITIONS_MAX = 16;

/** By topic and partition. */
const known = new Map<string, KnownChanges>();

const decoder = new TextDecoder();

/** @returns how many records were stored */
export async function storeChanges(
  c: AppContext,
  name: string,
  given: readonly ProduceRecord[],
): Promise<number | Failure> {
  const refused = refuseReach(c, needsOf('topic', [name], 'write'));
  if (refused) return refused;
  const found = await lookUpTopic(c.env, c.req.param('namespace') ?? '', name, 0);
  if (isFailure(found)) return found;
  const checked = checkProduceRequest({ records: given });
  if (isFailure(checked)) return checked;
  // What has no key goes to one partition, where it is known again.
  const groups = partitionRecords(found.topic, checked.records, 0, requestTrace(c.req.raw), Date.now());
  if (isFailure(groups)) return groups;
  let stored = 0;
  for (const group of groups) {
    const count = await storeInPartition(c, found.topic, group);
    if (isFailure(count)) return count;
    stored += count;
  }
  return stored;
}

async function storeInPartition(
  c: AppContext,
  topic: TopicDefinition,
  { partition, records }: PartitionRecords,
): Promise<number | Failure> {
  const key = `${topic.namespace}/${topic.name}#${topic.id}/${partition}`;
  let last: Failure = failure('log_moved', 'the log has others that write to it; send the request again');
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = known.get(key) ?? (await readKnown(c.env, topic, partition));
    if (isFailure(before)) return before;
    const fresh = records.filter((record) => !before.has(nameOf(record.headers) ?? ''));
    if (fresh.length === 0) {
      remember(key, before);
      return 0;
    }
    const overRate = spendOnPublish(c, fresh.length);
    if (overRate) return overRate;
    const appended = await append(c.env, topic, partition, fresh, before.end);
    if (!isFailure(appended)) {
      remember(
        key,
        before.with(
          fresh.length,
          fresh.flatMap(({ headers }) => nameOf(headers) ?? []),
        ),
      );
      return fresh.length;
    }
    known.delete(key);
    if (appended.code !== 'log_moved') return appended;
    last = appended;
  }
  return last;
}

async function append(
  env: Env,
  topic: TopicDefinition,
  partition: number,
  records: readonly RecordInput[],
  ifEnd: number,
): Promise<null | Failure> {
  const bytes = packBatches(records, { bytesMax: topic.config.max_batch_bytes });
  const limits = publishLimitsOf(topic.namespace);
  const appended = await callPartition(
    env,
    topic,
    partition,
    (stub, version) => stub.append(version, bytes, { ...limits, ifEnd }),
    { isPinned: true },
  );
  noteFull(topic.namespace, appended);
  return isFailure(appended) ? appended : null;
}

/** Reads the names of the latest changes from the end of the log. */
async function readKnown(
  env: Env,
  topic: TopicDefinition,
  partition: number,
): Promise<KnownChanges | Failure> {
  const described = await callPartition<PartitionDescription>(
    env,
    topic,
    partition,
    async (stub, version) => await stub.describe(version),
    { isPinned: true },
  );
  if (isFailure(described)) return described;
  const { logStartOffset, highWatermark: end } = described;
  const names: string[] = [];
  for (let offset = Math.max(logStartOffset, end - KNOWN_MAX); offset < end;) {
    const piece = await read(env, topic, partition, offset);
    // Retention has removed what was to be read: the rest counts.
    if (isFailure(piece) && piece.code === 'offset_below_start') break;
    if (isFailure(piece)) return piece;
    for (const batch of surveyBatches(piece.bytes, offset, piece.next)) {
      if (isDamaged(batch) || batch.header.isControl || batch.header.recordCount === 0) continue;
      // Batches that cannot be opened are those of others.
      await visitRecordsAsync(piece.bytes, batch.at, batch.header, offset, ({ headers }) => {
        const name = nameOf(headers);
        if (name !== null) names.push(name);
      });
    }
    if (piece.next <= offset) break;
    offset = piece.next;
  }
  return new KnownChanges(end, names);
}

async function read(
  env: Env,
  topic: TopicDefinition,
  partition: number,
  offset: number,
): Promise<{ bytes: Uint8Array; next: number } | Failure> {
  const response = await callPartition<Response | Failure>(
    env,
    topic,
    partition,
    async (stub, version) => {
      const request: ReadRequest = {
        version,
        offset,
        bytesMax: READ_BYTES,
        recordsMax: KNOWN_MAX,
        isolation: 'read_uncommitted',
      };
      const url = `https://partition/?${encodeURIComponent(JSON.stringify(request))}`;
      const reply = await stub.fetch(url);
      return reply.status === 422 ? await reply.json<Failure | Stale>() : reply;
    },
    { isPinned: true },
  );
  if (isFailure(response)) return response;
  const next = Number(response.headers.get(NEXT_OFFSET_HEADER));
  return { bytes: new Uint8Array(await response.arrayBuffer()), next };
}

function remember(key: string, changes: KnownChanges): void {
  known.delete(key);
  if (known.size >= PARTITIONS_MAX) known.delete(known.keys().next().value!);
  known.set(key, changes);
}

function nameOf(headers: readonly RecordHeader[] | undefined): string | null {
  const value = headers?.find(({ key }) => key === CHANGE_HEADER)?.value;
  return value ? decoder.decode(value) : null;
}
