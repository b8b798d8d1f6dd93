/**
 * Audit writer: appends the record of a change after the change was made, and the counts of refused calls some seconds after
 * the first of them. A record that cannot be written goes to the log of the worker, and the call succeeds all the same.
 */

import { waitUntil } from 'cloudflare:workers';
import { AUDIT_TOPIC, AUDIT_TOPIC_CONFIG } from '../../core/access/audit-topic.ts';
import { changeRecord, RefusalCounts, type Refusal } from '../../core/access/audit.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Env } from '../../durable-objects/env.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import type { Call } from '../../protocol/operations/calls.ts';
import { packBatches } from '../../protocol/record-batch/pack.ts';
import { lookUpTopic, remember } from '../cache/topology-cache.ts';
import { callPartition } from '../calls/partition-call.ts';
import type { AppContext } from '../http/context.ts';
import { lookUpNamespace } from './directory-cache.ts';

/** What is about the deployment is kept here. */
const HOME = 'default';

/** How long refusals are counted before the counts are written, in ms. Shorter than the platform lets a call last on. */
const COUNTING_MS = 15_000;

/** Namespaces whose refusals are counted at once. */
const COUNTED_MAX = 1_000;

const encoder = new TextEncoder();

/** By namespace, since they were last written. */
const refusals = new Map<string, RefusalCounts>();

/** Writes down that the call has changed something, or may have: a 5xx leaves that open. */
export async function auditChange(
  c: AppContext,
  { id, audit, audited = [] }: Call,
  status: number,
): Promise<void> {
  const identity = c.get('identity');
  // On a broker of one's own machine everybody is the same nobody.
  if (audit === undefined || identity.kind === 'anonymous' || (status >= 300 && status < 500)) return;
  const told = c.get('audited');
  if (told === null) return;
  const namespace = told?.namespace ?? c.req.param('namespace') ?? HOME;
  const call = {
    operation: id,
    path: c.req.path,
    query: Object.fromEntries(Object.entries(c.req.query()).filter(([name]) => audited.includes(name))),
    status,
    address: c.req.header('cf-connecting-ip') ?? null,
    userAgent: c.req.header('user-agent') ?? null,
    details: told?.details,
  };
  await write(c.env, namespace, [changeRecord(identity, call, Date.now()), ...takeCounts(namespace)]);
}

/** Counts a call that was refused for what its caller is or may. */
export function countRefusal(c: AppContext, { identity, operation, code }: Refusal): void {
  if (identity?.kind === 'anonymous') return;
  // Whoever shows no credential names any namespace.
  const namespace = identity === null ? HOME : (identity.namespace ?? HOME);
  const counts = refusals.get(namespace);
  if (counts !== undefined) return counts.add({ identity, operation, code });
  if (refusals.size >= COUNTED_MAX) return;
  const begun = new RefusalCounts(Date.now());
  begun.add({ identity, operation, code });
  refusals.set(namespace, begun);
  const { env } = c;
  waitUntil(
    new Promise((resolve) => setTimeout(resolve, COUNTING_MS)).then(() => {
      // Unless a change has taken the counts along.
      return refusals.get(namespace) === begun ? write(env, namespace, takeCounts(namespace)) : undefined;
    }),
  );
}

function takeCounts(namespace: string): object[] {
  const counts = refusals.get(namespace);
  refusals.delete(namespace);
  return counts === undefined ? [] : [counts.record(Date.now())];
}

async function write(env: Env, namespace: string, records: readonly object[]): Promise<void> {
  try {
    const failed = await append(env, namespace, records);
    if (failed === null) return;
    console.error(
      `audit of namespace "${namespace}" not written: ${failed.message}`,
      JSON.stringify(records),
    );
  } catch (error) {
    console.error(`audit of namespace "${namespace}" not written`, error, JSON.stringify(records));
  }
}

async function append(env: Env, namespace: string, records: readonly object[]): Promise<Failure | null> {
  const known = await lookUpNamespace(env, namespace, Date.now());
  if (known === null || known.deletion) return null;
  const failed = await appendOnce(env, namespace, records);
  // The root token may have deleted the topic: it begins anew.
  return failed?.code === 'topic_not_found' ? await appendOnce(env, namespace, records) : failed;
}

async function appendOnce(env: Env, namespace: string, records: readonly object[]): Promise<Failure | null> {
  const topic = await auditTopic(env, namespace);
  if (isFailure(topic)) return topic;
  const timestamp = Date.now();
  const batch = packBatches(
    records.map((record) => ({ key: null, value: encoder.encode(JSON.stringify(record)), timestamp })),
    { bytesMax: topic.config.max_batch_bytes },
  );
  // No ceiling of the namespace keeps it from being watched.
  const appended = await callPartition(env, topic, 0, (stub, version) =>
    stub.append(version, batch, { isHandedOn: true }),
  );
  return isFailure(appended) ? appended : null;
}

async function auditTopic(env: Env, namespace: string): Promise<TopicDefinition | Failure> {
  const found = await lookUpTopic(env, namespace, AUDIT_TOPIC, 0);
  if (!isFailure(found)) return found.topic;
  const declared = await topologyStub(env, namespace).declareTopic(
    namespace,
    AUDIT_TOPIC,
    AUDIT_TOPIC_CONFIG,
  );
  return isFailure(declared) ? declared : remember(declared).topic;
}
