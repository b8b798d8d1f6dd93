/** Namespaces: make, list, read. */

import type { Hono } from 'hono';
import type { Namespace } from '../../core/access/namespace.ts';
import { directoryStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure } from '../../protocol/errors.ts';
import { operations } from '../../protocol/operations/index.ts';
import {
  namespaceDeclarationSchema,
  type NamespaceList,
  type NamespaceReply,
} from '../../protocol/schemas/namespaces.ts';
import { namePageQuerySchema } from '../../protocol/schemas/pages.ts';
import { forget } from '../access/directory-cache.ts';
import { bind } from './bind.ts';
import { readNamespace, type AppEnv } from '../http/context.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';

export function namespaceRoutes(app: Hono<AppEnv>): void {
  bind(app, operations.listNamespaces, async (c) => {
    const query = readQuery(c, namePageQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const { after = '', limit } = query.fields;
    const { items, next } = await directoryStub(c.env).namespaces(after, limit);
    return c.json({
      namespaces: items.map(replyOf),
      ...(next !== null && { next }),
    } satisfies NamespaceList);
  });

  bind(app, operations.putNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const body = await readBody(c, namespaceDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const { namespace, isNew } = await directoryStub(c.env).putNamespace(name);
    forget({ kind: 'namespace', name });
    return c.json(replyOf(namespace), isNew ? 201 : 200);
  });

  bind(app, operations.getNamespace, async (c) => {
    const name = readNamespace(c);
    if (isFailure(name)) return problem(c, name);
    const { namespace } = await directoryStub(c.env).namespace(name);
    if (namespace !== null) return c.json(replyOf(namespace));
    return problem(c, failure('namespace_not_found', `there is no namespace "${name}"; PUT creates it`));
  });
}

function replyOf({ name, createdMs }: Namespace): NamespaceReply {
  return { namespace: name, created_at: createdMs };
}
