/** Hooks: put, read, delete, and what senders of webhooks call. */

import type { Hono } from 'hono';
import type { Identity } from '../../core/access/identity.ts';
import { factsOfHook, needsOfHook, storingRequest, type HookFacts } from '../../core/hooks/hook-message.ts';
import { readSignature } from '../../core/hooks/signature-parts.ts';
import type { HookDefinition } from '../../core/topology/hooks.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import type { ExchangePublished } from '../../protocol/schemas/exchanges.ts';
import type { QueuePublished } from '../../protocol/schemas/deliveries.ts';
import {
  hookDeclarationSchema,
  type HookList,
  type HookReceived,
  type HookReply,
} from '../../protocol/schemas/hooks.ts';
import { countRefusal } from '../access/audit.ts';
import { refuseReach } from '../access/authorize.ts';
import { JSON_WEIGHT, releaseBody } from '../bounds/request-bytes.ts';
import { forgetHook, lookUpHook, noHook, rememberHook } from '../access/hooks/known-hooks.ts';
import { isSignedBy } from '../access/hooks/verify-hook.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { innerRequest } from '../http/inner-request.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readBody, readBytes } from '../http/request.ts';
import { isOpenToAll } from '../http/identity/root-secrets.ts';
import { bind } from './bind.ts';
import { listReply } from './list-reply.ts';

/** Of the request of a sender, what belongs to the request that stores it as well. */
const PASSED_ON = ['host', 'traceparent', 'tracestate', 'cf-connecting-ip', 'user-agent'];

export function hookRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listHooks, (c) =>
    listReply(c, 'hooks', (hooks): HookList => ({ hooks: hooks.map(fieldsOf) })),
  );

  bind(app, calls.putHook, async (c) => {
    const path = readNamed(c, 'hook');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, hookDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const refused = refuseReach(c, needsOfHook(body.fields.target));
    if (refused) return problem(c, refused);
    const put = await topologyStub(c.env, path.namespace).putHook(path.name, body.fields);
    if (isFailure(put)) return problem(c, put);
    const hook = put.hook as HookDefinition;
    rememberHook(path.namespace, hook);
    return hookReply(c, hook, put.topologyVersion, put.secret, put.isNew ? 201 : 200);
  });

  bind(app, calls.getHook, async (c) => {
    const path = readNamed(c, 'hook');
    if (isFailure(path)) return problem(c, path);
    const { hook, topologyVersion } = await topologyStub(c.env, path.namespace).hook(path.name);
    if (hook === null)
      return problem(c, failure('hook_not_found', `there is no hook "${path.name}"; PUT creates it`));
    return hookReply(c, hook as HookDefinition, topologyVersion, null, 200);
  });

  bind(app, calls.deleteHook, async (c) => {
    const path = readNamed(c, 'hook');
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deleteHook(path.name);
    forgetHook(path.namespace, path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ hook: path.name, topology_version: deleted.topologyVersion });
  });

  bind(app, calls.receiveHook, async (c) => {
    const verified = await readVerified(c, c.get('hook')!);
    if (isFailure(verified)) return problem(c, verified);
    const { hook, body } = verified;
    const facts = factsOfHook(hook.config, (name) => c.req.header(name), body);
    const request = requestOf(c, hook, facts, body);
    releaseBody(c.req.raw); // the request that stores it counts for itself
    try {
      const reply = await app.fetch(request, c.env, c.executionCtx);
      if (reply.status !== 200) return reply;
      return jsonReply(c, await receivedOf(hook.name, facts, reply), 202);
    } finally {
      releaseBody(request);
    }
  });
}

/** Headers that are wrong are refused before the body is read. */
async function readVerified(
  c: AppContext,
  asked: HookDefinition,
): Promise<{ hook: HookDefinition; body: Uint8Array } | Failure> {
  const first = readSignature(asked.config, (name) => c.req.header(name), Date.now());
  if (typeof first === 'string') return unverified(c, asked, first);
  // It becomes JSON, with the bytes as base64.
  const body = await readBytes(c.req.raw, JSON_WEIGHT);
  if (isFailure(body)) return body;
  // A body may take long to come, and the hook may have changed meanwhile.
  const hook = await lookUpHook(c.env, c.req.param('namespace') ?? '', asked.name);
  if (hook === null) return noHook();
  const isChanged = hook.version !== asked.version;
  const parts = isChanged ? readSignature(hook.config, (name) => c.req.header(name), Date.now()) : first;
  if (typeof parts === 'string') return unverified(c, hook, parts);
  if (await isSignedBy(hook, parts, body)) return { hook, body };
  return unverified(c, hook, 'the signature is not that of the body by a secret of the hook');
}

function unverified(c: AppContext, hook: HookDefinition, why: string): Failure {
  // On a broker of one's own machine nothing is written down.
  if (!isOpenToAll(c.env))
    countRefusal(c, { identity: senderOf(c, hook), operation: 'receiveHook', code: 'invalid_signature' });
  return failure('invalid_signature', why);
}

/** The sender may do what its hook is for, and nothing else. */
function senderOf(c: AppContext, { name, config: { target } }: HookDefinition): Identity {
  return {
    kind: 'hook',
    id: name,
    name,
    namespace: c.req.param('namespace') ?? '',
    scopes: needsOfHook(target).map((need) => ({
      kind: need.kind,
      name: need.name,
      actions: [need.action],
    })),
    expiresMs: null,
  };
}

function requestOf(c: AppContext, hook: HookDefinition, facts: HookFacts, body: Uint8Array): Request {
  const call = storingRequest(hook.name, hook.config, facts, (name) => c.req.header(name), body);
  const headers = PASSED_ON.flatMap((name) => {
    const value = c.req.header(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return innerRequest(c, { ...call, headers, identity: senderOf(c, hook) });
}

async function receivedOf(hook: string, { id }: HookFacts, reply: Response): Promise<HookReceived> {
  const stored = (await reply.json()) as Partial<QueuePublished & ExchangePublished>;
  const isDuplicate = stored.results?.[0]?.outcome === 'duplicate';
  const isUnroutable = stored.messages?.[0]?.destinations.length === 0;
  return { hook, id, outcome: isDuplicate ? 'duplicate' : isUnroutable ? 'unroutable' : 'stored' };
}

function fieldsOf({ name, config, nextSecret }: HookDefinition): HookList['hooks'][number] {
  return { hook: name, ...config, has_next_secret: nextSecret !== null };
}

function hookReply(
  c: AppContext,
  hook: HookDefinition,
  topologyVersion: number,
  secret: string | null,
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const reply = {
    ...fieldsOf(hook),
    path: `/v1/${c.req.param('namespace')}/hooks/${hook.name}`,
    ...(secret !== null && { secret }),
    topology_version: topologyVersion,
  } satisfies HookReply;
  return jsonReply(c, reply, status);
}
