/**
 * The OpenAPI document against the running broker: requests drawn from the document's own schemas are never refused as
 * invalid, spoiled ones are answered by a declared error, and every answer has a status, a content type and a body that the
 * document declares for its operation.
 */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isName } from '../../../protocol/names/name-rule.ts';
import {
  BYTES_TYPE,
  JSON_LINES_TYPE,
  JSON_TYPE,
  PROBLEM_TYPE,
} from '../../../protocol/headers/media-types.ts';
import { openApiDocument } from '../../../protocol/openapi.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';
import { randomFrom, type Random } from '../../crash/random.ts';
import { LIVING_NAMES, pick, spoiled, valueOf, type Schema } from '../../fuzz/values/schema-values.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

/** `CONTRACT_SEED` and `CONTRACT_CASES` repeat or widen a run. */
const SEED = Number(process.env['CONTRACT_SEED'] ?? 1);
const CASES = Number(process.env['CONTRACT_CASES'] ?? 3);
const DRAWS_MAX = 300;

/** What would only make it slow. */
const AT_MOST: Record<string, number> = { wait_ms: 20, partitions: 4 };

/** A WebSocket is opened by an upgrade, which these requests do not ask for. */
const LEFT_OUT = new Set<string>(
  Object.values(operations)
    .filter(({ replies }) => 101 in replies)
    .map(({ id }): string => id),
);

interface Described {
  operationId: string;
  parameters: { name: string; in: 'path' | 'query'; required: boolean; schema: Schema }[];
  'x-query-rules'?: Schema;
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description: string; content: Record<string, { schema: Schema }> }>;
}

const document = openApiDocument() as {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: { Problem: Schema } };
};
const described = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

const ajv = addFormats.default(new Ajv2020({ strict: false, validateFormats: true }));
ajv.addFormat('cron', true);
ajv.addFormat('iana-time-zone', true);
ajv.addKeyword({
  keyword: 'x-utf8-bytes-max',
  type: 'string',
  validate: (bytesMax: number, text: string) => Buffer.byteLength(text) <= bytesMax,
});
const compiled = new Map<Schema, ValidateFunction>();
function validatorOf(schema: Schema): ValidateFunction {
  const known = compiled.get(schema) ?? ajv.compile(schema);
  compiled.set(schema, known);
  return known;
}

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'draws namespaces, too' });
});
afterAll(() => broker.stop());

/** What the drawn names are about, so that more than the first check is reached. */
async function declare(): Promise<void> {
  for (const name of LIVING_NAMES) {
    await broker.call('PUT', `/v1/default/topics/${name}`, { partitions: 3 });
    await broker.call('PUT', `/v1/default/queues/${name}`, {});
    await broker.call('PUT', `/v1/default/exchanges/${name}`, {});
  }
  await broker.call('PUT', '/v1/default/limits', { rows_written_per_hour: null });
}

interface Case {
  method: string;
  path: string;
  body?: string | Buffer<ArrayBuffer>;
}

/** Draws until the value is valid by its schema: some rules of JSON Schema are easier to check than to draw by. */
function drawValid(schema: Schema, random: Random): unknown {
  const validate = validatorOf(schema);
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const value = patient(valueOf(schema, random, 0));
    if (validate(value)) return value;
  }
  throw new Error(`nothing valid was drawn of ${JSON.stringify(schema)}: ${ajv.errorsText(validate.errors)}`);
}

function draw(
  random: Random,
  { path, method, operation }: (typeof described)[number],
  isSpoiled: boolean,
): Case {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: where, schema } of operation.parameters)
    if (where === 'path')
      filled = filled.replace(`{${name}}`, encodeURIComponent(pathPart(name, schema, random)));
  const given = drawParameters(random, operation);
  for (const [name, value] of Object.entries(given)) query.set(name, textOf(value));
  if (operation.operationId === 'request' && !query.has('wait_ms')) query.set('wait_ms', '20');
  if (isSpoiled && random() < 0.3) query.set(pick(random, ['surprise', 'limit', 'offset']), '-7x');
  const content = operation.requestBody?.content[JSON_TYPE];
  const isBytes = operation.requestBody?.content[BYTES_TYPE] !== undefined;
  const drawn: Case = { method, path: query.size === 0 ? filled : `${filled}?${query.toString()}` };
  if (isBytes) return { ...drawn, body: Buffer.from(String(random())) };
  if (!content) return drawn;
  const value = drawValid(content.schema, random);
  return { ...drawn, body: JSON.stringify(isSpoiled ? patient(spoiled(value, random)) : value) };
}

const numberOf = (text: string): number =>
  Buffer.from(text).reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 7);

/** Draws parameters until the rules between them hold, so what breaks one is drawn anew. */
function drawParameters(random: Random, operation: Described): Record<string, unknown> {
  const rules = operation['x-query-rules'];
  for (let tried = 0; tried < DRAWS_MAX; tried++) {
    const given: Record<string, unknown> = {};
    for (const { name, in: where, required, schema } of operation.parameters)
      if (where === 'query' && (required || random() < 0.4))
        given[name] = patientAs(name, drawValid(schema, random));
    if (!rules || validatorOf(rules)(given)) return given;
  }
  throw new Error(`no parameters were drawn that keep ${JSON.stringify(rules)}`);
}

function pathPart(name: string, schema: Schema, random: Random): string {
  if (name === 'namespace') return 'default';
  if (name === 'partition') return String(pick(random, [0, 0, 1, 2, 7]));
  if (name === 'object') return `forever.${pick(random, LIVING_NAMES)}`;
  const isNamed = random() < 0.7;
  const text = isNamed ? pick(random, LIVING_NAMES) : String(drawValid(schema, random));
  return isName(text) ? text : LIVING_NAMES[0]!;
}

async function answered({
  method,
  path,
  body,
}: Case): Promise<{ status: number; type: string; text: string }> {
  const response = await fetch(`${broker.url}${path}`, {
    method,
    ...(body !== undefined && { body }),
    ...(typeof body === 'string' && { headers: { 'content-type': JSON_TYPE } }),
  });
  const type = (response.headers.get('content-type') ?? '').split(';')[0]!;
  return { status: response.status, type, text: await response.text() };
}

/** What of an answer the document does not declare; null: nothing. */
function undeclared(
  { operation }: (typeof described)[number],
  { status, type, text }: { status: number; type: string; text: string },
): string | null {
  const response = operation.responses[status];
  if (!response) return 'has a status that is not declared';
  const content = response.content[type];
  if (!content) return `has the content type ${type}, which is not declared`;
  if (type === PROBLEM_TYPE) {
    const { code } = JSON.parse(text) as { code: string };
    if (!response.description.includes(`\`${code}\``)) return `has the code ${code}, which is not declared`;
    return schemaErrors(document.components.schemas.Problem, JSON.parse(text));
  }
  if (type === JSON_LINES_TYPE) {
    const lines = text.split('\n').filter((line) => line !== '');
    const { contentSchema } = content.schema as Schema & { contentSchema: Schema };
    return lines.map((line) => schemaErrors(contentSchema, JSON.parse(line))).find(Boolean) ?? null;
  }
  return type === JSON_TYPE ? schemaErrors(content.schema, JSON.parse(text)) : null;
}

function schemaErrors(schema: Schema, value: unknown): string | null {
  const validate = validatorOf(schema);
  return validate(value) ? null : `is not what is declared: ${ajv.errorsText(validate.errors)}`;
}

/** Refusals that a request valid by the document may not meet, whatever the state of the broker. */
const INVALID = new Set([
  'malformed_json',
  'invalid_field',
  'unknown_field',
  'invalid_name',
  'unsupported_media_type',
]);

/**
 * Refusals of valid requests that depend on what the broker holds, on the clock, or on two members being equal, which no
 * schema can say. Each is told in the description of its field.
 */
const BY_STATE = [
  /the default exchange takes no bindings/, // the one in the path
  /is no (?:dead letter|message) of queue/, // ids that an earlier reply gave
  /the sequences of an epoch end at/, // by the number of messages
  /is (?:not a|no) `next` (?:from|of) this (?:queue|list)/, // a page that another list gave
  /is the queue that they would leave/, // the one in the path
  /^body ends_at: .* is past$/,
  /^body expires_at: the time is past$/,
  /its dead letters would come back/, // a share group's own topic
  /^body signature\.signed: expected text with/, // by which headers are named
  /these go to \d+; send a request for each/, // by the hash of the keys
  /^body client_final: is none of SCRAM/, // it repeats what client_first has
  /^(?:subscription "[^"]*": )?body target: it is the source itself$/,
];

describe.each(described.filter(({ operation }) => !LEFT_OUT.has(operation.operationId)))(
  '$operation.operationId',
  (known) => {
    beforeAll(declare);

    const run = async (isSpoiled: boolean): Promise<string[]> => {
      // By its name, so that another operation does not change what this one draws.
      const random = randomFrom(SEED * 1_000 + numberOf(known.operation.operationId));
      const wrong: string[] = [];
      for (let number = 0; number < CASES; number++) {
        const request = draw(random, known, isSpoiled);
        const answer = await answered(request);
        const said = undeclared(known, answer) ?? (isSpoiled ? null : refusedAsInvalid(answer));
        if (said !== null) {
          const shown = `${request.method} ${request.path} ${String(request.body ?? '').slice(0, 600)}`;
          wrong.push(`${shown}\nwas answered ${answer.status} ${answer.text.slice(0, 600)}\nwhich ${said}`);
        }
      }
      return wrong;
    };

    it('takes what the document calls valid', async () => expect(await run(false)).toEqual([]));
    it('answers anything else by a declared error', async () => expect(await run(true)).toEqual([]));
  },
);

describe('the document', () => {
  it('declares the pattern of every path parameter and the tag of every operation', () => {
    const { tags } = openApiDocument() as { tags: { name: string }[] };
    const names = tags.map(({ name }) => name);
    for (const { tag } of Object.values(operations) as Operation[]) expect(names).toContain(tag);
    for (const { operation } of described)
      for (const { name, in: where, schema } of operation.parameters)
        if (where === 'path') expect(schema.pattern ?? schema.maximum, name).toBeDefined();
  });
});

function refusedAsInvalid({ type, text }: { type: string; text: string }): string | null {
  if (type !== PROBLEM_TYPE) return null;
  const { code, detail } = JSON.parse(text) as { code: string; detail: string };
  if (BY_STATE.some((rule) => rule.test(detail))) return null;
  return INVALID.has(code) ? `refuses what the document calls valid` : null;
}

function patientAs(name: string, value: unknown): unknown {
  const most = AT_MOST[name] ?? Infinity;
  return typeof value === 'number' && value > most ? most : value;
}

function patient(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, patientAs(name, member)]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
