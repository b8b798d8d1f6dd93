/** Operation: the description of a call of the HTTP API, and parts that many calls share. */

import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import {
  NAME_LENGTH_MAX,
  OBJECT_ID_LENGTH_MAX,
  OBJECT_PARTS_MAX,
  PARTITIONS_MAX,
  WIDE_NAME_BYTES_MAX,
} from '../limits.ts';
import { NAME_PATTERN, NAME_RULE, WIDE_NAME_PATTERN, WIDE_NAME_RULE } from '../names/name-rule.ts';
import { OBJECT_ID_PATTERN, OBJECT_ID_RULE } from '../names/object-id.ts';
import { utf8BytesMax } from '../schemas/schema-rules.ts';
import type { AccessRule } from './access-rule.ts';

/** A binary form, by its content type. */
export interface Frame {
  readonly type: string;
  readonly description: string;
}

export interface Reply {
  readonly description: string;
  /** A union for a call whose JSON depends on the content type of the request. Absent: the reply is bytes of any type. */
  readonly json?: z.ZodType;
  /** True if the reply is JSON lines, each of that schema. */
  readonly isLines?: true;
  /** True if the same can be had as record batches. */
  readonly batches?: true;
  /** Another form of bytes that it can have. */
  readonly frame?: Frame;
}

export interface Operation {
  readonly id: string;
  readonly method: 'get' | 'put' | 'post' | 'patch' | 'delete';
  /** Parameters in braces, each described in `PATH_PARAMETERS`. */
  readonly path: string;
  readonly tag: string;
  /** What the caller's credential has to allow. */
  readonly access: AccessRule;
  /** It changes what is declared or may be done, or what others have stored: who called it is written down. */
  readonly audit?: true;
  /** The rate that its messages count for. */
  readonly rate?: 'publish' | 'deliver';
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: {
    readonly json: z.ZodObject;
    /** Another JSON document that it takes instead. */
    readonly or?: z.ZodType;
    readonly batches?: true;
    readonly frame?: Frame;
    /** Other forms of JSON, by content type. */
    readonly forms?: Readonly<Record<string, z.ZodType>>;
  };
  /** The body is bytes of any type, described here. */
  readonly bytes?: string;
  readonly replies: Readonly<Record<number, Reply>>;
  readonly errors: readonly ErrorCode[];
}

/** A part of a path: its JSON Schema, with what it is in `description`. */
export type PathParameter = { readonly description: string } & Readonly<Record<string, unknown>>;

const name = (description: string): PathParameter => ({
  description: `${description} ${NAME_RULE}`,
  type: 'string',
  pattern: NAME_PATTERN.source,
  maxLength: NAME_LENGTH_MAX,
});

const wideName = (description: string): PathParameter => ({
  description: `${description} ${WIDE_NAME_RULE}. Percent-encoded`,
  type: 'string',
  pattern: WIDE_NAME_PATTERN.source,
  ...utf8BytesMax(WIDE_NAME_BYTES_MAX),
});

/** An id that the broker made. A text of another form names nothing that exists, so the answer is 404. */
const id = (description: string): PathParameter => ({
  description,
  type: 'string',
  pattern: '^[A-Za-z0-9._~-]+$',
  maxLength: 255,
});

export const PATH_PARAMETERS: Readonly<Record<string, PathParameter>> = {
  namespace: name('The name of the namespace.'),
  token: id('The id of the token'),
  topic: name('The name of the topic.'),
  partition: {
    description: 'The number of the partition, from 0',
    type: 'integer',
    minimum: 0,
    maximum: PARTITIONS_MAX - 1,
  },
  exchange: wideName('The name of the exchange; `amq.default` is the default exchange.'),
  queue: wideName('The name of the queue.'),
  binding: id('The id of the binding'),
  transactional_id: wideName('The transactional id.'),
  group: wideName('The name of the consumer group.'),
  share_group: name('The name of the share group.'),
  member: id('The id of the member, as the reply to joining gave it'),
  message: id('The id of the message, as a list gives it'),
  dead_letter: id('The id of the dead letter, as a list gives it'),
  replay: id('The id of the replay'),
  move: id('The id of the move'),
  policy: name('The name of the policy.'),
  alert: name('The name of the alert.'),
  schedule: name('The name of the schedule.'),
  subscription: name('The name of the subscription.'),
  hook: name('The name of the hook.'),
  object: {
    description: `The id of the object: ${OBJECT_ID_RULE}. It exists until the end of that day, in UTC`,
    type: 'string',
    pattern: OBJECT_ID_PATTERN.source,
    maxLength: OBJECT_ID_LENGTH_MAX,
  },
  upload: id('The id of the upload, as the reply to its begin gave it'),
  part: { description: 'The number of the part', type: 'integer', minimum: 1, maximum: OBJECT_PARTS_MAX },
};

export const NAMESPACE_PATH = '/v1/{namespace}';

/** Added to replies that may wait (docs/frames.md, Padding). */
export const WHILE_WAITING =
  'After a second of waiting the reply is 200 and begins with white space, so that a client that has gone is noticed; what fails after that is told to the next request';

/** What a socket for requests answers (docs/frames.md, Requests on a socket). */
export const REQUEST_SOCKET =
  'The socket. A frame is a request of record batches, with its query and an `id`. Its answer is text: the JSON of the reply or the problem, with the `id`, in the order of frames';

export const FIELD_ERRORS = ['invalid_field', 'unknown_field'] as const;
export const BODY_ERRORS = [
  'malformed_json',
  'incomplete_request',
  'unsupported_media_type',
  'request_too_large',
  'request_timeout',
  'overloaded',
  ...FIELD_ERRORS,
] as const;
export const NAMESPACE_ERRORS = ['invalid_name', 'namespace_not_found', 'unavailable', 'disk_full'] as const;
