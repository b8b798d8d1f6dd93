/** The calls on namespaces. All but reading one ask for the root token. */

import {
  namespaceChangeSchema,
  namespaceDeclarationSchema,
  namespaceDeletionQuerySchema,
  namespaceListSchema,
  namespaceSchema,
} from '../schemas/namespaces.ts';
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
    audit: true,
    summary: 'Create a namespace; quotas of the request replace those that it has',
    body: { json: namespaceDeclarationSchema },
    replies: {
      200: { description: 'It existed', json: namespaceSchema },
      201: { description: 'It was created', json: namespaceSchema },
    },
    errors: ['invalid_name', 'namespace_deleting', ...BODY_ERRORS],
  },
  changeNamespace: {
    id: 'changeNamespace',
    method: 'patch',
    path: NAMESPACE,
    tag: 'namespaces',
    access: 'root',
    audit: true,
    summary: 'Replace the quotas of a namespace',
    body: { json: namespaceChangeSchema },
    replies: { 200: { description: 'The namespace', json: namespaceSchema } },
    errors: ['namespace_not_found', 'namespace_deleting', 'invalid_name', ...BODY_ERRORS],
  },
  deleteNamespace: {
    id: 'deleteNamespace',
    method: 'delete',
    path: NAMESPACE,
    tag: 'namespaces',
    access: 'root',
    audit: true,
    summary:
      'Delete a namespace with everything in it. Its tokens and calls are refused at once; its objects are freed after the reply, and reading it is 404 when all of them are',
    query: namespaceDeletionQuerySchema,
    replies: { 202: { description: 'It is being deleted', json: namespaceSchema } },
    errors: ['not_confirmed', 'namespace_not_found', 'namespace_reserved', 'invalid_name', ...FIELD_ERRORS],
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
