/** The OpenAPI 3.1 document, written from the table of operations and its schemas. */

import * as z from './zod.ts';
import { errorTable, type ErrorCode } from './errors.ts';
import {
  BYTES_TYPE,
  JSON_LINES_TYPE,
  JSON_TYPE,
  PROBLEM_TYPE,
  RECORD_BATCH_TYPE,
} from './headers/media-types.ts';
import { isUnchecked } from './operations/access-rule.ts';
import {
  operations,
  PATH_PARAMETERS,
  textOfRule,
  type AccessRule,
  type Operation,
  type Reply,
} from './operations/index.ts';
import { VERSION } from './version.ts';

type Json = Record<string, unknown>;

/** OpenAPI 3.1 takes JSON Schema 2020-12 as it is; only the `$schema` line belongs to the document. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    reused: 'inline',
  }) as Json;
  return rest;
}

const BATCHES: Json = {
  schema: { type: 'string', format: 'binary', description: 'Kafka record batches, magic 2' },
};

const bytesOf = (description: string): Json => ({
  [BYTES_TYPE]: { schema: { type: 'string', format: 'binary', description } },
});

function parametersOf(operation: Operation): Json[] {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
    const { description, ...schema } = PATH_PARAMETERS[name]!;
    return { name, in: 'path', required: true, description, schema };
  });
  if (operation.query === undefined) return inPath;
  const query = jsonSchema(operation.query, 'input') as {
    properties: Record<string, Json>;
    required?: string[];
  };
  const inQuery = Object.entries(query.properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query.required?.includes(name) ?? false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function contentOf(
  {
    json,
    or,
    isLines,
    batches,
    frame,
    forms = {},
  }: Pick<Reply, 'json' | 'isLines' | 'batches' | 'frame'> &
    Pick<NonNullable<Operation['body']>, 'or' | 'forms'>,
  io: 'input' | 'output',
): Json {
  if (json === undefined)
    return bytesOf('The bytes of the object, with the content type that they were sent with');
  const schema = or ? { anyOf: [jsonSchema(json, io), jsonSchema(or, io)] } : jsonSchema(json, io);
  if (isLines) {
    const description = 'Each line is a JSON document of this schema';
    return {
      [JSON_LINES_TYPE]: {
        schema: { type: 'string', description, contentMediaType: JSON_TYPE, contentSchema: schema },
      },
    };
  }
  const content: Json = { [JSON_TYPE]: { schema } };
  for (const [type, form] of Object.entries(forms)) content[type] = { schema: jsonSchema(form, io) };
  if (batches) content[RECORD_BATCH_TYPE] = BATCHES;
  if (frame) {
    content[frame.type] = { schema: { type: 'string', format: 'binary', description: frame.description } };
  }
  return content;
}

/**
 * Errors that every operation can have: a browser is turned away, a credential does not do, an object does not answer,
 * there is a bug.
 */
const ALWAYS_POSSIBLE = [
  'foreign_page',
  'host_not_local',
  'unauthenticated',
  'too_many_unknown_tokens',
  'forbidden',
  'unavailable',
  'internal_error',
] as const satisfies ErrorCode[];

function repliesOf(operation: Operation): Json {
  const replies: Json = {};
  for (const [status, reply] of Object.entries(operation.replies) as [string, Reply][]) {
    replies[status] = {
      description: reply.description,
      content: contentOf(reply, 'output'),
    };
  }
  const ofRate = operation.rate === undefined ? [] : (['quota'] as const);
  const codes = new Set<ErrorCode>([...operation.errors, ...ofRate, ...ALWAYS_POSSIBLE]);
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  for (const [status, alike] of byStatus) {
    const description = alike.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('. ');
    replies[status] = {
      description,
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return replies;
}

/** Rules between query parameters, for which OpenAPI has no field: a JSON Schema of all parameters as one object. */
function queryRulesOf({ query }: Operation): Json {
  if (query === undefined) return {};
  const { allOf, not } = jsonSchema(query, 'input');
  const rules = { ...(allOf !== undefined && { allOf }), ...(not !== undefined && { not }) };
  return Object.keys(rules).length === 0 ? {} : { 'x-query-rules': rules };
}

function descriptionOf(access: AccessRule): string {
  if (access === 'root') return 'Needs the root token.';
  if (access === 'signature') return 'Needs no token: the request is signed.';
  if (access === 'proof') return 'Needs no token: the request proves that its sender knows one.';
  const needs = 'some' in access ? `the right to \`${access.some}\` something` : `\`${textOfRule(access)}\``;
  return `Needs ${needs}${access.reaches === undefined ? '' : `; also ${access.reaches}`}.`;
}

/** A credential in any of its places. The list of a scheme holds the scopes. */
function securityOf({ access, replies }: Operation): Json[] {
  if (isUnchecked(access)) return [];
  const needs = [textOfRule(access)];
  const isSocket = 101 in replies;
  return [{ bearer: needs }, { basic: needs }, ...(isSocket ? [{ parameter: needs }] : [])];
}

const SECURITY_SCHEMES: Json = {
  bearer: { type: 'http', scheme: 'bearer', description: 'A token, or the root token' },
  basic: {
    type: 'http',
    scheme: 'basic',
    description: 'For tools without bearer: the token is the password',
  },
  parameter: {
    type: 'apiKey',
    in: 'query',
    name: 'access_token',
    description: 'For WebSockets, which browsers open without headers',
  },
};

function describe(operation: Operation): Json {
  const description: Json = {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: descriptionOf(operation.access),
    security: securityOf(operation),
    parameters: parametersOf(operation),
    ...queryRulesOf(operation),
    responses: repliesOf(operation),
  };
  if (operation.body) {
    const content = contentOf(operation.body, 'input');
    description.requestBody = { required: operation.method === 'post', content };
  }
  if (operation.bytes !== undefined)
    description.requestBody = { required: true, content: bytesOf(operation.bytes) };
  return description;
}

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457, with the stable `code` and whether the same request may succeed later',
  required: ['type', 'title', 'status', 'detail', 'code', 'retryable'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: Object.keys(errorTable) },
    retryable: { type: 'boolean' },
  },
};

const TAGS: Readonly<Record<string, string>> = {
  topics: 'Definitions of partitioned logs',
  records: 'Produce, fetch and replay',
  exchanges: 'Routing: exchanges, bindings, and publishing through them',
  queues: 'Definitions and states of queues',
  messages: 'Publish to a queue, take, settle, look',
  'dead letters': 'What died in a queue, and why: list, change, replay, export, remove',
  policies: 'Settings for many queues at once',
  alerts: 'Rules on queues that notify a webhook',
  schedules: 'Messages published at the times of a cron expression',
  subscriptions: 'Messages of a queue that the broker pushes to an HTTP endpoint',
  hooks: 'Webhooks of other services that come in, each verified by its signature',
  objects: 'Bodies that are too large for a message, in an R2 bucket',
  producers: 'Identities of idempotent producers, and transactions',
  groups: 'Consumer groups: members, what they read, offsets',
  'share groups': 'Share groups: many members on one partition, record by record',
  limits: 'What a namespace may cost',
  definitions: 'Everything that is declared, as one document',
  overview: 'How a whole namespace does, as far as its objects have reported',
  namespaces: 'Rooms for teams: none sees what another has',
  tokens: 'Credentials: make, rotate, revoke',
};

export function openApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const operation of Object.values(operations) as Operation[]) {
    (paths[operation.path] ??= {})[operation.method] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Posthorn',
      version: VERSION,
      summary: 'Events with replay and jobs with retries, over HTTP',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: { Problem: problemSchema }, securitySchemes: SECURITY_SCHEMES },
  };
}
