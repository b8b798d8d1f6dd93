/** The calls on objects: bodies that are too large for a message. */

import {
  objectDeletedSchema,
  objectListQuerySchema,
  objectListSchema,
  objectPutQuerySchema,
  objectSchema,
} from '../schemas/objects.ts';
import { onAll, onObject } from './access-rule.ts';
import { FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const OBJECTS = `${NAMESPACE_PATH}/objects`;
const OBJECT = `${OBJECTS}/{object}`;
const OBJECT_ERRORS = [...NAMESPACE_ERRORS, 'objects_unbound', 'objects_refused'] as const;

export const objectOperations = {
  listObjects: {
    id: 'listObjects',
    method: 'get',
    path: OBJECTS,
    tag: 'objects',
    access: onAll('object', 'view'),
    summary: 'List the objects',
    query: objectListQuerySchema,
    replies: { 200: { description: 'A page of the objects, by id', json: objectListSchema } },
    errors: [...OBJECT_ERRORS, ...FIELD_ERRORS],
  },
  putObject: {
    id: 'putObject',
    method: 'put',
    path: OBJECT,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Store an object. An object never changes: the same bytes may be sent again, others are refused',
    query: objectPutQuerySchema,
    bytes: 'The bytes, with their Content-Length and any Content-Type',
    replies: {
      200: { description: 'It existed with the same bytes', json: objectSchema },
      201: { description: 'It is stored', json: objectSchema },
    },
    errors: [
      ...OBJECT_ERRORS,
      ...FIELD_ERRORS,
      'object_differs',
      'length_required',
      'digest_mismatch',
      'request_too_large',
      'incomplete_request',
    ],
  },
  getObject: {
    id: 'getObject',
    method: 'get',
    path: OBJECT,
    tag: 'objects',
    access: onObject('read'),
    summary: 'Read an object, or the bytes that `Range` names. HEAD answers the headers alone',
    replies: {
      200: { description: 'All bytes' },
      206: { description: 'The bytes of the range, which `Content-Range` names' },
    },
    errors: [...OBJECT_ERRORS, 'object_not_found', 'range_unsatisfiable'],
  },
  deleteObject: {
    id: 'deleteObject',
    method: 'delete',
    path: OBJECT,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Delete an object before it expires',
    replies: { 200: { description: 'It is deleted', json: objectDeletedSchema } },
    errors: [...OBJECT_ERRORS, 'object_not_found'],
  },
} as const satisfies Record<string, Operation>;
