/** The OpenAPI 3.1 document, written from the table of operations and its schemas. */

import { z } from 'zod';
import { errorTable, type ErrorCode } from './errors.ts';
import { JSON_LINES_TYPE, JSON_TYPE, PROBLEM_TYPE, RECORD_BATCH_TYPE } from './media-types.ts';
import { operations, PATH_PARAMETERS, type Operation, type Reply } from './operations/index.ts';
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

function parametersOf(operation: Operation): Json[] {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: PATH_PARAMETERS[name],
    schema: name === 'partition' ? { type: 'integer', minimum: 0 } : { type: 'string' },
  }));
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
  { json, isLines, batches, frame }: Pick<Reply, 'json' | 'isLines' | 'batches' | 'frame'>,
  io: 'input' | 'output',
): Json {
  const content: Json = { [isLines ? JSON_LINES_TYPE : JSON_TYPE]: { schema: jsonSchema(json, io) } };
  if (batches) content[RECORD_BATCH_TYPE] = BATCHES;
  if (frame) {
    content[frame.type] = { schema: { type: 'string', format: 'binary', description: frame.description } };
  }
  return content;
}

function repliesOf(operation: Operation): Json {
  const replies: Json = {};
  for (const [status, reply] of Object.entries(operation.replies) as [string, Reply][]) {
    replies[status] = {
      description: reply.description,
      content: contentOf(reply, 'output'),
    };
  }
  const byStatus = Map.groupBy(new Set<ErrorCode>(operation.errors), (code) => errorTable[code].status);
  for (const [status, codes] of byStatus) {
    const description = codes.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('. ');
    replies[status] = {
      description,
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  }
  return replies;
}

function describe(operation: Operation): Json {
  const description: Json = {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    parameters: parametersOf(operation),
    responses: repliesOf(operation),
  };
  if (operation.body) {
    const content = contentOf(operation.body, 'input');
    description.requestBody = { required: operation.method === 'post', content };
  }
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
    tags: [
      { name: 'topics', description: 'Definitions of partitioned logs' },
      { name: 'records', description: 'Produce, fetch and replay' },
      { name: 'exchanges', description: 'Routing: exchanges, bindings, and publishing through them' },
      { name: 'groups', description: 'Consumer groups: members, what they read, offsets' },
      { name: 'share groups', description: 'Share groups: many members on one partition, record by record' },
      { name: 'policies', description: 'Settings for many queues at once' },
    ],
    paths,
    components: { schemas: { Problem: problemSchema } },
  };
}
