/** The calls on namespaces. All but reading ask for the root token. */

import { namespaceDeclarationSchema, namespaceListSchema, namespaceSchema } from '../schemas/namespaces.ts';
import { namePageQuerySchema } from '../schemas/pages.ts';
import { onNamespace } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, type Operation } from './operation.ts';

const NAMESPACES = '/admin/v1/namespaces';
const NAMESPACE = `${NAMESPACES}/{namespace}`;

export const namespaceOperations = {
  listNamespaces: {
    id: 'listNamespaces',
    method: 'get',
    path: NAMESPACES,
    tag: 'namespaces',
    access: 'root',
    summary: 'List the namespaces',
    query: namePageQuerySchema,
    replies: { 200: { description: 'A page of the namespaces, by name', json: namespaceListSchema } },
    errors: FIELD_ERRORS,
  },
  putNamespace: {
    id: 'putNamespace',
    method: 'put',
    path: NAMESPACE,
    tag: 'namespaces',
    access: 'root',
    summary: 'Create a namespace',
    body: { json: namespaceDeclarationSchema },
    replies: {
      200: { description: 'It existed', json: namespaceSchema },
      201: { description: 'It was created', json: namespaceSchema },
    },
    errors: ['invalid_name', ...BODY_ERRORS],
  },
  getNamespace: {
    id: 'getNamespace',
    method: 'get',
    path: NAMESPACE,
    tag: 'namespaces',
    access: onNamespace('view'),
    summary: 'Read a namespace',
    replies: { 200: { description: 'The namespace', json: namespaceSchema } },
    errors: NAMESPACE_ERRORS,
  },
} as const satisfies Record<string, Operation>;
