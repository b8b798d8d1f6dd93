/** What is said of a call of the HTTP API, and what many calls have in common. */

import type { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { NAME_RULE } from '../names.ts';

/** A binary form, by its content type. */
export interface Frame {
  readonly type: string;
  readonly description: string;
}

export interface Reply {
  readonly description: string;
  /** A union for a call whose JSON depends on the content type of the request. */
  readonly json: z.ZodType;
  /** True where the reply is JSON lines, each of that schema. */
  readonly isLines?: true;
  /** True where the same can be had as record batches. */
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
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: { readonly json: z.ZodObject; readonly batches?: true; readonly frame?: Frame };
  readonly replies: Readonly<Record<number, Reply>>;
  readonly errors: readonly ErrorCode[];
}

export const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  namespace: `The namespace. \`default\` exists from the start. ${NAME_RULE}`,
  topic: `The name of the topic. ${NAME_RULE}`,
  partition: 'The number of the partition, from 0',
  exchange: `The name of the exchange; \`amq.default\` is the default exchange. ${NAME_RULE}`,
  queue: `The name of the queue. ${NAME_RULE}`,
  binding: 'The id of the binding',
  transactional_id: `The transactional id. ${NAME_RULE}`,
  group: `The name of the consumer group. ${NAME_RULE}`,
  share_group: `The name of the share group. ${NAME_RULE}`,
  member: 'The id of the member, as the reply to joining gave it',
  dead_letter: 'The id of the dead letter, as a list gives it',
  replay: 'The id of the replay',
  policy: `The name of the policy. ${NAME_RULE}`,
  alert: `The name of the alert. ${NAME_RULE}`,
  schedule: `The name of the schedule. ${NAME_RULE}`,
};

export const NAMESPACE_PATH = '/v1/{namespace}';

/** Said of replies that may wait (docs/frames.md, Padding). */
export const WHILE_WAITING =
  'After a second of waiting the reply is 200 and begins with white space, so that a client that has gone is noticed; what fails after that is told to the next request';

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
