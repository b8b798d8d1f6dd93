/** The calls on objects: bodies that are too large for a message. */

import {
  objectDeletedSchema,
  objectListQuerySchema,
  objectListSchema,
  objectPutQuerySchema,
  objectSchema,
  partPutQuerySchema,
  partSchema,
  uploadAbortedSchema,
  uploadBeginSchema,
  uploadCompleteSchema,
  uploadSchema,
} from '../schemas/objects.ts';
import { onAll, onObject } from './access-rule.ts';
import { BODY_ERRORS, FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

const OBJECTS = `${NAMESPACE_PATH}/objects`;
const OBJECT = `${OBJECTS}/{object}`;
const UPLOADS = `${OBJECT}/uploads`;
const UPLOAD = `${UPLOADS}/{upload}`;
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
      'quota',
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
  beginUpload: {
    id: 'beginUpload',
    method: 'post',
    path: UPLOADS,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Begin to store an object in parts. Nobody sees it before it is complete',
    body: { json: uploadBeginSchema },
    replies: {
      200: {
        description: 'It existed with the same bytes',
        json: objectSchema,
      },
      201: { description: 'The upload is begun', json: uploadSchema },
    },
    errors: [...OBJECT_ERRORS, ...BODY_ERRORS, 'object_differs', 'quota'],
  },
  putPart: {
    id: 'putPart',
    method: 'put',
    path: `${UPLOAD}/parts/{part}`,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Store a part of an upload, in any order. It may be sent again',
    query: partPutQuerySchema,
    bytes: 'The bytes of the part, with their Content-Length',
    replies: { 200: { description: 'The part is stored', json: partSchema } },
    errors: [
      ...OBJECT_ERRORS,
      ...FIELD_ERRORS,
      'upload_not_found',
      'invalid_part',
      'digest_mismatch',
      'incomplete_request',
    ],
  },
  completeUpload: {
    id: 'completeUpload',
    method: 'post',
    path: `${UPLOAD}/complete`,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Make an object of the parts of an upload. It may be repeated',
    body: { json: uploadCompleteSchema },
    replies: {
      200: { description: 'The object existed with the same bytes', json: objectSchema },
      201: { description: 'The object is stored', json: objectSchema },
    },
    errors: [...OBJECT_ERRORS, ...BODY_ERRORS, 'upload_not_found', 'upload_incomplete', 'object_differs'],
  },
  abortUpload: {
    id: 'abortUpload',
    method: 'delete',
    path: UPLOAD,
    tag: 'objects',
    access: onObject('write'),
    summary: 'Give an upload up, and delete its parts',
    replies: { 200: { description: 'It is deleted', json: uploadAbortedSchema } },
    errors: [...OBJECT_ERRORS, 'upload_not_found'],
  },
} as const satisfies Record<string, Operation>;
