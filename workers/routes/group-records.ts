/** Records of a group member: as JSON, or as stored batches. */

import { spend } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import { needsOf } from '../../core/access/reach.ts';
import type { BeatRequest, MemberView } from '../../durable-objects/rpc/group.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { encodeGroupFrame } from '../../protocol/frames/group-frame.ts';
import {
  groupFetchQuerySchema,
  groupFetchSchema,
  type GroupRecord,
  type GroupRecords,
  type IdentifiedOffset,
  type TopicPartition,
} from '../../protocol/schemas/groups.ts';
import { GROUP_RECORDS_TYPE } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import type { OnCorrupt, WrittenRecord } from '../../protocol/schemas/records.ts';
import { JSON_REPLY_WEIGHT } from '../bounds/reply-bytes.ts';
import { groupReadOf, positionedReadOf } from '../deliver/consume-level.ts';
import { fetchedRecords } from '../fetch/fetch-json.ts';
import { readForMember, type Answer, type MemberRead, type Section } from '../groups/read-for-member.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { jsonReply } from '../http/json-reply.ts';
import { callPartition } from '../calls/partition-call.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { reportDamage } from '../fetch/report-damage.ts';
import { readBody } from '../http/request.ts';
import { frameForm, JSON_FORM, replyWithSigns, waitOf, type WaitingClient } from '../http/signs-of-life.ts';
import { refuseReach } from '../access/authorize.ts';
import { checkedWaitMs } from '../access/revocable.ts';
import { bind } from './bind.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { heartbeatOf, memberReply, readMember } from './groups.ts';

export function groupRecordRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.fetchForMember, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, groupFetchQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const level = groupReadOf(query.fields);
    if (isFailure(level)) return problem(c, level);
    const { epoch = null } = query.fields;
    const { isolation, isAutoCommit } = level;
    const read: MemberRead = {
      ...limitsOf(c, query.fields),
      isolation,
      path,
      positions: new Map(),
      only: null,
    };
    // Whoever asks for more has done with what was revoked: one call at a time is all that a simple client makes.
    const beat: BeatRequest = { memberId: readMember(c), epoch, held: 'assigned', isFetch: true };
    return await reply(c, read, beat, isAutoCommit);
  });

  bind(app, calls.fetchFromPositions, async (c) => {
    const path = readNamed(c, 'group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, groupFetchSchema);
    if (isFailure(body)) return problem(c, body);
    const isolation = positionedReadOf(body.fields);
    if (isFailure(isolation)) return problem(c, isolation);
    const { epoch, positions, partitions = null } = body.fields;
    const read: MemberRead = {
      ...limitsOf(c, body.fields),
      isolation,
      path,
      positions: new Map(positions.map((position) => [`${position.topic}/${position.partition}`, position])),
      only: partitions,
    };
    const beat: BeatRequest = { memberId: readMember(c), epoch, held: 'unsaid', isFetch: true };
    return await reply(c, read, beat, false);
  });
}

async function reply(
  c: AppContext,
  read: MemberRead,
  beat: BeatRequest,
  isAutoCommit: boolean,
): Promise<Response> {
  const form = wantsBytes(c) ? frameForm(c, GROUP_RECORDS_TYPE) : JSON_FORM;
  const waiting = { ...read, waitMs: waitOf(form, checkedWaitMs(c, read.waitMs)) };
  let known: MemberView | null = null;
  const answer = async (client: WaitingClient): Promise<Response> => {
    const noteWait = (view: MemberView): void => {
      known = view;
      client.waitBegins();
    };
    const heartbeat = async (): Promise<MemberView | Failure> => {
      const view = await heartbeatOf(c, read.path, beat);
      if (isFailure(view)) return view;
      // Whoever joined may have had other rights than whoever reads.
      const topics = view.assignment.map(({ topic }) => topic);
      return refuseReach(c, needsOf('topic', topics, 'read')) ?? view;
    };
    const found = await readForMember(c, waiting, heartbeat, noteWait, client.signal);
    // What nobody takes any more is not committed either: another member reads it.
    if (isAutoCommit && client.signal.aborted) return c.body(null);
    return isFailure(found) ? problem(c, found) : await replyOf(c, read, found, isAutoCommit);
  };
  return await replyWithSigns(c, form, answer, () =>
    replyOf(c, read, { view: known!, sections: [], bytesMax: 0 }, isAutoCommit),
  );
}

async function replyOf(
  c: AppContext,
  read: MemberRead,
  answer: Answer,
  isAutoCommit: boolean,
): Promise<Response> {
  if (wantsBytes(c)) {
    const ends = answer.sections.map((section) => endOf(section, section.frame.nextOffset));
    const kept = isAutoCommit ? await committed(c, read, answer, ends) : null;
    const sections = answer.sections.filter((_, index) => kept?.[index] ?? true);
    for (const { frame } of sections) spend(c, 'deliver', frame.nextOffset - frame.startOffset);
    return bytesReply({ ...answer, sections });
  }
  const json = await recordsOf(c, answer, read);
  if (isFailure(json)) return problem(c, json);
  spend(c, 'deliver', json.records.length);
  if (!isAutoCommit) return jsonReply(c, json);
  const kept = await committed(c, read, answer, json.offsets);
  const isKept = new Set(
    json.offsets.filter((_, index) => kept[index]).map(({ topic, partition }) => `${topic}/${partition}`),
  );
  const keep = ({ topic, partition }: TopicPartition): boolean => isKept.has(`${topic}/${partition}`);
  return jsonReply(c, {
    ...json,
    records: json.records.filter(keep),
    offsets: json.offsets.filter(keep),
  });
}

async function recordsOf(
  c: AppContext,
  { view, sections, bytesMax: maxBytes }: Answer,
  { maxRecords, isolation, onCorrupt }: MemberRead,
): Promise<GroupRecords<WrittenRecord> | Failure> {
  const records: GroupRecord<WrittenRecord>[] = [];
  const offsets: IdentifiedOffset[] = [];
  const damaged: NonNullable<GroupRecords['damaged']> = [];
  let bytesLeft = maxBytes;
  let corrupt: Failure | null = null;
  for (const [index, section] of sections.entries()) {
    if (records.length >= maxRecords || bytesLeft <= 0) break;
    const { topic, partition } = section.owned;
    // A stored batch may hold more than a share, and inflate to much more.
    const left = sections.length - index;
    const recordsMax = Math.ceil((maxRecords - records.length) / left);
    const bytesMax = Math.ceil(bytesLeft / left);
    const report = reportDamage(c, section.definition, partition);
    const fetched = await fetchedRecords(section.frame, {
      recordsMax,
      bytesMax,
      isolation,
      onCorrupt,
      report,
    });
    if (isFailure(fetched)) {
      // Damage in one partition keeps nobody from the records of the others.
      if (fetched.code !== 'stored_batch_corrupt') return fetched;
      corrupt ??= { ...fetched, details: { topic, partition, ...fetched.details } };
      continue;
    }
    for (const record of fetched.records) records.push({ topic, partition, ...record });
    for (const range of fetched.damaged) damaged.push({ topic, partition, ...range });
    bytesLeft -= fetched.bytes + fetched.records.length * (topic.length + GROUP_FIELDS_SIZE);
    offsets.push(endOf(section, fetched.nextOffset));
  }
  if (corrupt !== null && offsets.length === 0) return corrupt;
  return { ...memberReply(view), records, offsets, ...(damaged.length > 0 && { damaged }) };
}

/** `"topic":"","partition":12,` */
const GROUP_FIELDS_SIZE = 26;

function bytesReply({ view, sections }: Answer): Response {
  const frame = encodeGroupFrame({
    member: memberReply(view),
    sections: sections.map(({ owned: { topic, topicId, partition }, frame: { batches, ...offsets } }) => ({
      topic,
      topic_id: topicId,
      partition,
      start_offset: offsets.startOffset,
      next_offset: offsets.nextOffset,
      high_watermark: offsets.highWatermark,
      log_start_offset: offsets.logStartOffset,
      bytes: batches.length,
      batches,
    })),
  });
  return new Response(frame as Uint8Array<ArrayBuffer>, { headers: { 'content-type': GROUP_RECORDS_TYPE } });
}

/**
 * Commits the ends; tells of each whether it was taken. What is not is somebody else's to handle: of another member, or
 * of another read of this one that was answered at the same time.
 */
async function committed(
  c: AppContext,
  read: MemberRead,
  { view, sections }: { view: MemberView; sections: readonly Section[] },
  ends: readonly IdentifiedOffset[],
): Promise<boolean[]> {
  const byKey = new Map(
    sections.map((section) => [`${section.owned.topic}/${section.owned.partition}`, section]),
  );
  return await inBatches(ends, async ({ topic, partition, offset }) => {
    const { definition, owned, frame } = byKey.get(`${topic}/${partition}`)!;
    const result = await callPartition(
      c.env,
      definition,
      partition,
      async (stub, version) =>
        await stub.commitOffset(version, {
          group: read.path.name,
          memberId: view.memberId,
          epoch: owned.since,
          isOwner: true,
          offset,
          metadata: '',
          transaction: null,
          onlyFrom: frame.startOffset,
        }),
      { isPinned: true },
    );
    return !isFailure(result);
  });
}

function endOf({ owned: { topic, topicId, partition } }: Section, offset: number): IdentifiedOffset {
  return { topic, topic_id: topicId, partition, offset };
}

function limitsOf(
  c: AppContext,
  fields: { max_records: number; max_bytes: number; wait_ms: number; on_corrupt: OnCorrupt },
): Pick<MemberRead, 'maxBytes' | 'byteWeight' | 'maxRecords' | 'waitMs' | 'onCorrupt'> {
  return {
    maxBytes: fields.max_bytes,
    byteWeight: wantsBytes(c) ? 1 : JSON_REPLY_WEIGHT,
    maxRecords: wantsBytes(c) ? Infinity : fields.max_records,
    waitMs: fields.wait_ms,
    onCorrupt: fields.on_corrupt,
  };
}

function wantsBytes(c: AppContext): boolean {
  return (c.req.header('accept') ?? '').includes(GROUP_RECORDS_TYPE);
}
