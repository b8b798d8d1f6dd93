/** Share groups: declared, described, deleted; records acquired and acknowledged. */

import { JSON_REPLY_WEIGHT } from '../bounds/reply-bytes.ts';
import { spend } from '../access/quotas/rates.ts';
import type { Hono } from 'hono';
import { needsOf, needsOfTarget } from '../../core/access/reach.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { ShareView } from '../../durable-objects/rpc/share-groups.ts';
import { partitionStub, topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { SETTLE_TAGS_MAX } from '../../protocol/limits.ts';
import { encodeAcquiredFrame } from '../../protocol/frames/acquired-frame.ts';
import { ACQUIRED_RECORDS_TYPE, TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  acknowledgeSchema,
  acquireSchema,
  resetShareSchema,
  shareGroupConfigSchema,
  type ShareGroupList,
  type ShareGroupReply,
  type ShareGroupState,
  type SharePartition,
} from '../../protocol/schemas/share-groups.ts';
import type { TopicAndPartition } from '../groups/group-offsets.ts';
import { inBatches } from '../calls/map-concurrent.ts';
import { warningsOf } from '../dead-letters/dead-letter-warnings.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readBody } from '../http/request.ts';
import { acknowledgeRecords } from '../share-groups/acknowledge.ts';
import { acquireSections, type Acquisition } from '../share-groups/acquire.ts';
import { countAcquired, frameOf, recordsOf } from '../share-groups/acquired-reply.ts';
import { beginAtEnd } from '../share-groups/begin-at-end.ts';
import { frameForm, JSON_FORM, replyWithSigns, waitOf, type WaitingClient } from '../http/signs-of-life.ts';
import { forgetShareGroup, lookUpShareGroup, rememberShareGroup } from '../cache/known-share-groups.ts';
import { callShared, sharePartitions } from '../share-groups/share-partitions.ts';
import { resetShareGroup } from '../share-groups/reset.ts';
import { refuseReach } from '../access/authorize.ts';
import { refuseDefaultLetters } from '../access/default-letters.ts';
import { bind } from './bind.ts';
import { readNamed, seenTopologyVersion, type AppContext, type AppEnv } from '../http/context.ts';
import { listReply } from './list-reply.ts';

export function shareGroupRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listShareGroups, (c) =>
    listReply(c, 'shareGroups', (groups): ShareGroupList => ({ share_groups: groups.map(fieldsOf) })),
  );

  bind(app, calls.putShareGroup, async (c) => {
    const path = readNamed(c, 'share_group');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, shareGroupConfigSchema);
    if (isFailure(body)) return problem(c, body);
    const { namespace, name } = path;
    const { topics, dead_letter: deadLetter } = body.fields;
    const refused =
      refuseReach(c, [...needsOf('topic', topics, 'read'), ...needsOfTarget(deadLetter)]) ??
      (await refuseDefaultLetters(c, namespace, 'share_group', deadLetter === undefined ? [name] : []));
    if (refused) return problem(c, refused);
    const put = await topologyStub(c.env, namespace).putShareGroup(namespace, name, body.fields);
    if (isFailure(put)) return problem(c, put);
    const group = put.group as ShareGroupDefinition;
    rememberShareGroup(group, put.topologyVersion);
    await beginAtEnd(c.env, group, put.topologyVersion);
    c.header(TOPOLOGY_VERSION_HEADER, String(put.topologyVersion));
    return c.json(replyOf(group, put.topologyVersion), put.isNew ? 201 : 200);
  });

  bind(app, calls.describeShareGroup, async (c) => {
    const found = await readShareGroup(c, Infinity);
    if (isFailure(found)) return problem(c, found);
    const { group, topologyVersion } = found;
    const places = await sharePartitions(c.env, group, seenTopologyVersion(c));
    const partitions = await inBatches(places, (place) => describe(c, group, place));
    const failed = partitions.find((one) => isFailure(one));
    if (failed) return problem(c, failed);
    c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
    return c.json({
      ...replyOf(group, topologyVersion),
      ...(await warningsOf(c.env, group.namespace, group.config.dead_letter)),
      partitions: partitions as SharePartition[],
    } satisfies ShareGroupState);
  });

  bind(app, calls.resetShareGroup, async (c) => {
    const found = await readShareGroup(c, seenTopologyVersion(c));
    if (isFailure(found)) return problem(c, found);
    const body = await readBody(c, resetShareSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOf('topic', [body.fields.topic], 'view'));
    if (refused) return problem(c, refused);
    const reset = await resetShareGroup(c.env, found.group, seenTopologyVersion(c), body.fields);
    return isFailure(reset) ? problem(c, reset) : c.json(reset);
  });

  bind(app, calls.deleteShareGroup, async (c) => {
    const path = readNamed(c, 'share_group');
    if (isFailure(path)) return problem(c, path);
    const { namespace, name } = path;
    const deleted = await topologyStub(c.env, namespace).deleteShareGroup(name);
    if (isFailure(deleted)) return problem(c, deleted);
    forgetShareGroup(namespace, name);
    await forgetInPartitions(c, deleted.group as ShareGroupDefinition);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ share_group: name, topology_version: deleted.topologyVersion });
  });

  bind(app, calls.acquireRecords, async (c) => {
    const body = await readBody(c, acquireSchema);
    if (isFailure(body)) return problem(c, body);
    const atLeast = seenTopologyVersion(c);
    const lookUp = async (): Promise<ShareGroupDefinition | Failure> => {
      const found = await readShareGroup(c, atLeast);
      if (isFailure(found)) return found;
      return refuseReach(c, needsOf('topic', found.group.config.topics, 'read')) ?? found.group;
    };
    const { fields } = body;
    const isFrame = (c.req.header('accept') ?? '').includes(ACQUIRED_RECORDS_TYPE);
    const form = isFrame ? frameForm(c, ACQUIRED_RECORDS_TYPE) : JSON_FORM;
    const limits = { ...fields, wait_ms: waitOf(form, fields.wait_ms) };
    const replyOf = async (acquisition: Acquisition): Promise<Response> => {
      if (isFrame) {
        spend(c, 'deliver', countAcquired(acquisition));
        const frame = frameOf(acquisition, fields.lock_duration_ms);
        return isFailure(frame) ? problem(c, frame) : frameReply(frame);
      }
      const records = await recordsOf(acquisition);
      if (isFailure(records)) return problem(c, records);
      spend(c, 'deliver', records.length);
      return jsonReply(c, { records });
    };
    const answer = async (client: WaitingClient): Promise<Response> => {
      const weight = isFrame ? 1 : JSON_REPLY_WEIGHT;
      const acquisition = await acquireSections(c, lookUp, limits, { atLeast, weight, client });
      return isFailure(acquisition) ? problem(c, acquisition) : await replyOf(acquisition);
    };
    const nothing = async (): Promise<Response> => {
      if (!isFrame) return c.json({ records: [] });
      return frameReply(encodeAcquiredFrame({ lock_duration_ms: 0, sections: [] }));
    };
    return await replyWithSigns(c, form, answer, nothing);
  });

  bind(app, calls.acknowledgeRecords, async (c) => {
    const atLeast = seenTopologyVersion(c);
    const found = await readShareGroup(c, atLeast);
    if (isFailure(found)) return problem(c, found);
    const body = await readBody(c, acknowledgeSchema);
    if (isFailure(body)) return problem(c, body);
    const { accept, release, reject, extend, partitions } = body.fields;
    const ranges = partitions.reduce((sum, each) => sum + each.ranges.length, 0);
    const count = accept.length + release.length + reject.length + extend.length + ranges;
    if (count > SETTLE_TAGS_MAX) {
      return problem(
        c,
        failure('too_many_tags', `${count} tags and ranges; a request may have ${SETTLE_TAGS_MAX}`),
      );
    }
    const places = await sharePartitions(c.env, found.group, atLeast);
    const result = await acknowledgeRecords(c.env, found.group, places, body.fields);
    return isFailure(result) ? problem(c, result) : c.json(result);
  });
}

function frameReply(frame: Uint8Array): Response {
  return new Response(frame as Uint8Array<ArrayBuffer>, {
    headers: { 'content-type': ACQUIRED_RECORDS_TYPE },
  });
}

async function readShareGroup(
  c: AppContext,
  atLeast: number,
): Promise<{ group: ShareGroupDefinition; topologyVersion: number } | Failure> {
  const path = readNamed(c, 'share_group');
  return isFailure(path) ? path : await lookUpShareGroup(c.env, path.namespace, path.name, atLeast);
}

async function describe(
  c: AppContext,
  group: ShareGroupDefinition,
  place: TopicAndPartition,
): Promise<SharePartition | Failure> {
  const view = await callShared<ShareView>(
    c.env,
    group,
    place,
    async (stub, version, current) => await stub.describeShared(version, current),
  );
  if (isFailure(view)) return view;
  return {
    topic: place.topic.name,
    partition: place.partition,
    start_offset: view.startOffset,
    end_offset: view.endOffset,
    in_flight: view.acquired,
    available: view.available,
    archived: view.archived,
    lag: view.lag,
    dead_letters_waiting: view.deadLettersWaiting,
  };
}

/** Only gives the space back: a group that is made again under the name never sees what was kept of this one. */
async function forgetInPartitions(c: AppContext, group: ShareGroupDefinition): Promise<void> {
  const places = await sharePartitions(c.env, group, 0);
  await inBatches(places, async ({ topic, partition }) => {
    try {
      await partitionStub(c.env, topic, partition).forgetShared(group.name, group.id);
    } catch (error) {
      console.error(`partition ${partition} of ${topic.name} did not forget ${group.name}`, error);
    }
  });
}

function fieldsOf({ name, config }: ShareGroupDefinition): ShareGroupList['share_groups'][number] {
  return { share_group: name, ...config };
}

function replyOf(group: ShareGroupDefinition, topologyVersion: number): ShareGroupReply {
  return { ...fieldsOf(group), topology_version: topologyVersion };
}
