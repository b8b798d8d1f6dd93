/** Namespaces: make, list, read, change, delete. */

import type { Hono } from 'hono';
import { DEFAULT_NAMESPACE, noSuchNamespace, type Namespace } from '../../core/access/namespace.ts';
import { directoryStub, topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  namespaceChangeSchema,
  namespaceDeclarationSchema,
  namespaceDeletionQuerySchema,
  type NamespaceList,
  type NamespaceReply,
} from '../../protocol/schemas/namespaces.ts';
import { namePageQuerySchema } from '../../protocol/schemas/pages.ts';
import { forget, noteDirectoryVersion } from '../access/directory-cache.ts';
import { quotaFieldsOf, quotasOf } from '../access/quotas/quota-fields.ts';
import { bind } from './bind.ts';
import { readNamespace, type AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';

export function namespaceRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listNamespaces, async (c) => {
    const query = readQuery(c, namePageQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { after = '', limit } = query.fields;
    const { items, next } = await directoryStub(c.env).namespaces(after, limit);
    return c.json({
      namespaces: items.map(replyOf),
      ...(next !== null && { next }),
    } satisfies NamespaceList);
  });

  bind(app, calls.putNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const body = await readBody(c, namespaceDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const { quotas } = body.fields;
    const put = await directoryStub(c.env).putNamespace(name, quotas && quotasOf(quotas));
    if (isFailure(put)) return problem(c, put);
    const { namespace, isNew, version } = put;
    noteDirectoryVersion(version);
    forget({ kind: 'namespace', name });
    c.set('audited', { details: { quotas: quotaFieldsOf(namespace.quotas) } });
    return c.json(replyOf(namespace), isNew ? 201 : 200);
  });

  bind(app, calls.changeNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const body = await readBody(c, namespaceChangeSchema);
    if (isFailure(body)) return problem(c, body);
    const changed = await directoryStub(c.env).changeNamespace(name, quotasOf(body.fields.quotas));
    if (isFailure(changed)) return problem(c, changed);
    noteDirectoryVersion(changed.version);
    forget({ kind: 'namespace', name });
    c.set('audited', { details: { quotas: quotaFieldsOf(changed.namespace.quotas) } });
    return c.json(replyOf(changed.namespace));
  });

  bind(app, calls.deleteNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const query = readQuery(c, namespaceDeletionQuerySchema);
    if (isFailure(query)) return problem(c, query);
    if (query.fields.confirm !== name) {
      return problem(
        c,
        failure('not_confirmed', `to delete namespace "${name}", repeat its name: ?confirm=${name}`),
      );
    }
    const deleted = await directoryStub(c.env).deleteNamespace(name);
    if (isFailure(deleted)) return problem(c, deleted);
    noteDirectoryVersion(deleted.version);
    forget({ kind: 'namespace', name });
    // The audit of the namespace itself is deleted too.
    c.set('audited', { namespace: DEFAULT_NAMESPACE.name, details: { namespace: name } });
    return c.json(replyOf(deleted.namespace), 202);
  });

  bind(app, calls.getNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const { namespace } = await directoryStub(c.env).namespace(name);
    if (namespace === null) return problem(c, noSuchNamespace(name));
    if (namespace.deletion) return c.json(replyOf(namespace));
    const use = await topologyStub(c.env, name).counts();
    return c.json({ ...replyOf(namespace), use } satisfies NamespaceReply);
  });
}

function replyOf({ name, createdMs, quotas, deletion }: Namespace): NamespaceReply {
  return {
    namespace: name,
    state: deletion ? 'deleting' : 'active',
    created_at: createdMs,
    quotas: quotaFieldsOf(quotas),
    ...(deletion && {
      deletion: { started_at: deletion.startedMs, freed: deletion.freed, left: deletion.left },
    }),
  };
}
