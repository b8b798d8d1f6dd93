/** Bindings: make one or many, list those of an exchange, a queue or a topic, and remove. */

import type { Hono } from 'hono';
import { needsOfBindings } from '../../core/access/reach.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { BindingsOf } from '../../durable-objects/rpc/topology.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import {
  bindingDeclarationSchema,
  bindingsDeclarationSchema,
  bindingsQuerySchema,
  exchangeBindingsQuerySchema,
  exchangeNameOf,
  type BindingList,
  type BindingReply,
  type BindingRequest,
  type BindingsDeclared,
} from '../../protocol/schemas/exchanges.ts';
import { BINDINGS_PER_REQUEST_MAX, CALL_BYTES_MAX, PAGE_BYTES_MAX } from '../../protocol/limits.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { JSON_REPLY_WEIGHT, grantReply } from '../bounds/reply-bytes.ts';
import { utf8Json } from '../calls/utf8-json.ts';
import { calls } from '../../protocol/operations/calls.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { check } from '../../protocol/fields/check.ts';
import { bodyKind, readBody, readJson } from '../http/request.ts';
import { noteTopologyVersion } from '../cache/routing-cache.ts';
import { refuseReach } from '../access/authorize.ts';
import { bind } from './bind.ts';
import {
  readExchangePath,
  readNamed,
  readNamespace,
  readTopicPath,
  type AppContext,
  type AppEnv,
} from '../http/context.ts';

export function bindingRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.bind, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, bindingDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const declaration = { source: path.name, ...named(body.fields) };
    const refused = refuseReach(c, needsOfBindings([declaration]));
    if (refused) return problem(c, refused);
    const made = await topologyStub(c.env, path.namespace).declareBindings(utf8Json([declaration]));
    // Which of many it was says nothing about one.
    if (isFailure(made)) return problem(c, { ...made, details: { ...made.details, binding: undefined } });
    changed(c, path.namespace, made.topologyVersion);
    const reply = { id: made.ids[0]!, ...declaration, topology_version: made.topologyVersion };
    return c.json(reply satisfies BindingReply, made.created > 0 ? 201 : 200);
  });

  bind(app, calls.bindMany, async (c) => {
    const namespace = readNamespace(c);
    if (typeof namespace !== 'string') return problem(c, namespace);
    const kind = bodyKind(c, false);
    if (isFailure(kind)) return problem(c, kind);
    const body = await readJson(c.req.raw);
    if (isFailure(body)) return problem(c, body);
    const count = (body.json as { bindings?: { length?: unknown } } | null)?.bindings?.length;
    if (typeof count === 'number' && count > BINDINGS_PER_REQUEST_MAX) {
      const message = `body bindings: ${count} bindings; a request may have ${BINDINGS_PER_REQUEST_MAX}`;
      return problem(c, failure('invalid_field', message));
    }
    const checked = check(bindingsDeclarationSchema, body.json, 'body');
    if (isFailure(checked)) return problem(c, checked);
    const declarations = checked.fields.bindings.map(({ source, ...fields }) => ({
      source: exchangeNameOf(source),
      ...named(fields),
    }));
    const refused = refuseReach(c, needsOfBindings(declarations));
    if (refused) return problem(c, refused);
    const json = utf8Json(declarations);
    if (json.length > CALL_BYTES_MAX) {
      const message = `the bindings have ${json.length} bytes of JSON; send several requests`;
      return problem(c, failure('request_too_large', message, { bytes_max: CALL_BYTES_MAX }));
    }
    const made = await topologyStub(c.env, namespace).declareBindings(json);
    if (isFailure(made)) return problem(c, made);
    changed(c, namespace, made.topologyVersion);
    return c.json({
      ids: made.ids,
      created: made.created,
      topology_version: made.topologyVersion,
    } satisfies BindingsDeclared);
  });

  bind(app, calls.listExchangeBindings, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, exchangeBindingsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { name, namespace } = path;
    const isSource = query.fields.end === 'source';
    const of: BindingsOf = isSource ? { source: name } : { destination: { kind: 'exchange', name } };
    return await listReply(c, namespace, of, query.fields);
  });

  bind(app, calls.listQueueBindings, async (c) => {
    const path = readNamed(c, 'queue');
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, bindingsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    return await listReply(
      c,
      path.namespace,
      { destination: { kind: 'queue', name: path.name } },
      query.fields,
    );
  });

  bind(app, calls.listTopicBindings, async (c) => {
    const path = readTopicPath(c);
    if (isFailure(path)) return problem(c, path);
    const query = readQuery(c, bindingsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    return await listReply(
      c,
      path.namespace,
      { destination: { kind: 'topic', name: path.name } },
      query.fields,
    );
  });

  bind(app, calls.unbind, async (c) => {
    const path = readExchangePath(c);
    if (isFailure(path)) return problem(c, path);
    const id = c.req.param('binding') ?? '';
    const removed = await topologyStub(c.env, path.namespace).deleteBinding(path.name, id);
    if (isFailure(removed)) return problem(c, removed);
    changed(c, path.namespace, removed.topologyVersion);
    const { exchangeDeleted, topologyVersion } = removed;
    return c.json({ id, exchange_deleted: exchangeDeleted, topology_version: topologyVersion });
  });
}

async function listReply(
  c: AppContext,
  namespace: string,
  of: BindingsOf,
  { after = '', limit }: { after?: string | undefined; limit: number },
): Promise<Response> {
  const bytesMax = await grantReply(c.req.raw, PAGE_BYTES_MAX, JSON_REPLY_WEIGHT);
  if (isFailure(bytesMax)) return problem(c, bytesMax);
  const page = await topologyStub(c.env, namespace).bindings(of, after, limit, bytesMax);
  if (isFailure(page)) return problem(c, page);
  const list: BindingList = { bindings: JSON.parse(page.bindingsJson) as BindingList['bindings'] };
  if (page.next !== null) list.next = page.next;
  return jsonReply(c, list);
}

function changed(c: AppContext, namespace: string, topologyVersion: number): void {
  noteTopologyVersion(namespace, topologyVersion);
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
}

/** The default exchange by its own name, which lets the rules say why it cannot be bound. */
function named({ destination, ...rest }: BindingRequest): BindingRequest {
  const { kind, name } = destination;
  return { destination: { kind, name: kind === 'exchange' ? exchangeNameOf(name) : name }, ...rest };
}
