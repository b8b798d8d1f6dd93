/** Definitions: everything that is declared in a namespace, exported and applied as one document. */

import type { Hono } from 'hono';
import type { DefinitionsOutcome } from '../../durable-objects/rpc/topology.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { CALL_BYTES_MAX, DEFINITIONS_BYTES_MAX, DEFINITIONS_ENTRIES_MAX } from '../../protocol/limits.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  applyDefinitionsQuerySchema,
  DEFINITION_LISTS,
  definitionsQuerySchema,
  definitionsSchema,
  type DefinitionList,
  type Definitions,
  type DefinitionsApplied,
  type DefinitionStep,
  type LeftOut,
} from '../../protocol/schemas/definitions.ts';
import { isRabbitmqDocument } from '../../protocol/schemas/rabbitmq-definitions.ts';
import { refuseReach } from '../access/authorize.ts';
import { refuseDefaultLetters } from '../access/default-letters.ts';
import { refuseStoreTarget } from '../access/store-target.ts';
import { forgetHook } from '../access/hooks/known-hooks.ts';
import { JSON_REPLY_WEIGHT, grantReply } from '../bounds/reply-bytes.ts';
import { forgetShareGroup, lookUpShareGroup } from '../cache/known-share-groups.ts';
import { noteTopologyVersion } from '../cache/routing-cache.ts';
import { forget, forgetQueue } from '../cache/topology-cache.ts';
import { utf8Json } from '../calls/utf8-json.ts';
import { keptDocument, writtenDocument } from '../definitions/document-form.ts';
import { needsOfDocument, needsOfLists } from '../definitions/document-needs.ts';
import { readNamespace, type AppContext, type AppEnv } from '../http/context.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { check } from '../../protocol/fields/check.ts';
import { bodyKind, readJson } from '../http/request.ts';
import { beginAtEnd } from '../share-groups/begin-at-end.ts';
import { bind } from './bind.ts';
import { refuseReserved } from './queues.ts';
import { checkSubscription, leavesLetters } from './subscriptions.ts';

/** Steps that the audit names, and failures that a problem names: the rest are counted. */
const SHOWN_MAX = 100;

export function definitionRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.getDefinitions, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    const query = readQuery(c, definitionsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const asked = query.fields.kinds?.split(',') as DefinitionList[] | undefined;
    const lists = asked ?? DEFINITION_LISTS;
    const refused = refuseReach(c, needsOfLists(lists, 'view'));
    if (refused) return problem(c, refused);
    const bytesMax = await grantReply(c.req.raw, DEFINITIONS_BYTES_MAX, JSON_REPLY_WEIGHT);
    if (isFailure(bytesMax)) return problem(c, bytesMax);
    const exported = await topologyStub(c.env, namespace).exportDefinitions(lists, bytesMax);
    if (isFailure(exported)) return problem(c, exported);
    c.header(TOPOLOGY_VERSION_HEADER, String(exported.topologyVersion));
    return jsonReply(c, writtenDocument(JSON.parse(exported.listsJson) as object));
  });

  bind(app, calls.putDefinitions, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    const query = readQuery(c, applyDefinitionsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const isPruning = query.fields.prune === 'true';
    const isDry = query.fields.dry_run === 'true';
    const read = await readDocument(c, namespace, isPruning);
    if (isFailure(read)) return problem(c, read);
    const { document, leftOut } = read;
    const refused =
      refuseReach(c, needsOfDocument(document, isPruning)) ??
      (await refuseStoreTargets(c, namespace, document)) ??
      (await refuseLetters(c, namespace, document));
    if (refused) return problem(c, refused);
    const json = utf8Json(keptDocument(document));
    if (json.length > CALL_BYTES_MAX) {
      const message = `the document has ${json.length} bytes of JSON; apply several, without prune`;
      return problem(c, failure('request_too_large', message, { bytes_max: CALL_BYTES_MAX }));
    }
    const applied = await topologyStub(c.env, namespace).putDefinitions(namespace, json, {
      isPruning,
      isDry,
      ifVersion: query.fields.if_version ?? null,
    });
    if (isFailure(applied)) return problem(c, applied);
    const { topologyVersion } = applied;
    const outcome = JSON.parse(applied.outcomeJson) as DefinitionsOutcome;
    if (isDry) c.set('audited', null);
    else await follow(c, namespace, outcome.steps, topologyVersion);
    c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
    if (outcome.failed.length > 0) return problem(c, incomplete(outcome, topologyVersion));
    return jsonReply(c, {
      ...replyOf(outcome, isDry, topologyVersion),
      ...(leftOut && { left_out: leftOut }),
    });
  });
}

/** Subscriptions may store messages in other namespaces, which no need of the document names. */
async function refuseStoreTargets(
  c: AppContext,
  namespace: string,
  { subscriptions = [] }: Definitions,
): Promise<Failure | null> {
  for (const { subscription, ...fields } of subscriptions) {
    const refused = await refuseStoreTarget(c, namespace, fields);
    if (refused) return { ...refused, message: `subscription "${subscription}": ${refused.message}` };
  }
  return null;
}

/** Dead letters that are left to the broker go to queues that may be those of others. */
async function refuseLetters(
  c: AppContext,
  namespace: string,
  { subscriptions = [], share_groups: groups = [] }: Definitions,
): Promise<Failure | null> {
  const left = subscriptions.filter(leavesLetters).map(({ subscription }) => subscription);
  const leftByGroups = groups.filter((group) => group.dead_letter === undefined);
  return (
    (await refuseDefaultLetters(c, namespace, 'subscription', left)) ??
    (await refuseDefaultLetters(
      c,
      namespace,
      'share_group',
      leftByGroups.map(({ share_group: name }) => name),
    ))
  );
}

/** @returns what is left out of a document of RabbitMQ, too */
async function readDocument(
  c: AppContext,
  namespace: string,
  isPruning: boolean,
): Promise<{ document: Definitions; leftOut?: LeftOut[] } | Failure> {
  const kind = bodyKind(c, false);
  if (isFailure(kind)) return kind;
  const body = await readJson(c.req.raw, ['schedules', null, 'message', 'body']);
  if (isFailure(body)) return body;
  if (!isRabbitmqDocument(body.json)) {
    const document = checkDocument(body.json);
    return isFailure(document) ? document : { document };
  }
  if (isPruning) {
    const message = 'query prune: a document of RabbitMQ does not have all that there is here';
    return failure('invalid_field', message);
  }
  const { rabbitmqDocument } = await import('../amqp/loaded-later.ts');
  const converted = rabbitmqDocument(body.json, namespace);
  if (isFailure(converted)) return converted;
  const document = checkDocument(converted.document);
  return isFailure(document) ? document : { document, leftOut: converted.leftOut };
}

function checkDocument(json: unknown): Definitions | Failure {
  const lists = json as Record<string, unknown> | null;
  const count = DEFINITION_LISTS.reduce((sum, list) => {
    const entries = lists?.[list];
    return sum + (Array.isArray(entries) ? entries.length : 0);
  }, 0);
  if (count > DEFINITIONS_ENTRIES_MAX) {
    return failure(
      'definitions_too_large',
      `${count} entries; a document may have ${DEFINITIONS_ENTRIES_MAX}: apply several, without prune`,
      { entries_max: DEFINITIONS_ENTRIES_MAX },
    );
  }
  const checked = check(definitionsSchema, json, 'body');
  if (isFailure(checked)) return checked;
  const { queues = [], subscriptions = [] } = checked.fields;
  for (const { queue } of queues) {
    const refused = refuseReserved(queue);
    if (refused) return refused;
  }
  for (const { subscription, ...fields } of subscriptions) {
    const refused = checkSubscription(fields);
    if (refused) return { ...refused, message: `subscription "${subscription}": ${refused.message}` };
  }
  return checked.fields;
}

/** Brings the caches of this isolate up to date, and begins new share groups where they shall begin. */
async function follow(
  c: AppContext,
  namespace: string,
  steps: readonly DefinitionStep[],
  version: number,
): Promise<void> {
  noteTopologyVersion(namespace, version);
  for (const { action, kind, name } of steps) {
    if (kind === 'topic') forget(namespace, name, version);
    if (kind === 'queue') forgetQueue(namespace, name, version);
    if (kind === 'hook') forgetHook(namespace, name);
    if (kind !== 'share_group') continue;
    forgetShareGroup(namespace, name);
    const found = action === 'create' ? await lookUpShareGroup(c.env, namespace, name, Infinity) : null;
    if (found !== null && !isFailure(found)) await beginAtEnd(c.env, found.group, version);
  }
  const count = (wanted: DefinitionStep['action']): number =>
    steps.filter(({ action }) => action === wanted).length;
  const [created, changed, deleted] = [count('create'), count('change'), count('delete')];
  const shown = steps.slice(0, SHOWN_MAX).map(({ action, kind, name }) => `${action} ${kind} ${name}`);
  c.set('audited', { details: { created, changed, deleted, steps: shown } });
}

function replyOf(
  { steps, unchanged, problem: first }: DefinitionsOutcome,
  isDry: boolean,
  topologyVersion: number,
): DefinitionsApplied {
  return {
    dry_run: isDry,
    steps,
    unchanged,
    ...(first && {
      problem: { kind: first.kind, name: first.name, code: first.why.code, detail: first.why.message },
    }),
    topology_version: topologyVersion,
  };
}

function incomplete(
  { steps: { length: steps }, failed }: DefinitionsOutcome,
  topologyVersion: number,
): Failure {
  const left = failed.length;
  return failure(
    'definitions_incomplete',
    `${steps - left} of ${steps} steps are done, ${left} queues could not be deleted; apply the document again`,
    {
      done: steps - left,
      steps,
      failed: failed.slice(0, SHOWN_MAX).map(({ name, why }) => ({
        action: 'delete',
        kind: 'queue',
        name,
        code: why.code,
        detail: why.message,
      })),
      topology_version: topologyVersion,
    },
  );
}
