/** Requests drawn from the OpenAPI document: any operation, with values that fit its schemas or do not. */

import { openApiDocument } from '../../protocol/openapi.ts';
import { JSON_TYPE, RECORD_BATCH_TYPE } from '../../protocol/media-types.ts';
import { encodeBatch, gzipBatch } from '../../protocol/record-batch/index.ts';
import type { Random } from '../crash/random.ts';
import { hostile, NAMES, pick, valueOf, type Schema } from './schema-values.ts';

export interface FuzzRequest {
  operation: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

interface Parameter {
  name: string;
  in: 'path' | 'query';
  required: boolean;
  schema: Schema;
}

interface Description {
  operationId: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

interface Known {
  method: string;
  path: string;
  description: Description;
}

const document = openApiDocument() as { paths: Record<string, Record<string, Description>> };

export const KNOWN: readonly Known[] = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, description]) => ({
    method: method.toUpperCase(),
    path,
    description,
  })),
);

/** The runtime itself refuses longer heads of requests. */
const QUERY_LENGTH_MAX = 300;

/** What would only make it slow: times of waiting, and a thousand partitions. */
const AT_MOST: Record<string, number> = { wait_ms: 20, timeout_ms: 20, partitions: 4 };

export async function drawRequest(random: Random): Promise<FuzzRequest> {
  const { method, path, description } = pick(random, KNOWN);
  const spite = pick(random, [0, 0, 0.05, 0.2, 0.6]);
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: where, required, schema } of description.parameters) {
    if (where === 'path') filled = filled.replace(`{${name}}`, pathValue(name, random, spite));
    else if (required || random() < 0.5)
      query.set(name, textOf(patient(name, valueOf(schema, random, spite))).slice(0, QUERY_LENGTH_MAX));
  }
  if (random() < spite / 2) query.set('surprise', textOf(hostile(random)).slice(0, QUERY_LENGTH_MAX));
  const headers: Record<string, string> = {};
  if (random() < 0.1) headers['accept'] = pick(random, [RECORD_BATCH_TYPE, '*/*', 'application/x-nonsense']);
  if (random() < 0.05) headers['posthorn-topology-version'] = pick(random, ['-1', '999999999', 'NaN', '']);
  const request: FuzzRequest = {
    operation: description.operationId,
    method,
    path: filled + (query.size > 0 ? `?${query.toString()}` : ''),
    headers,
  };
  const content = description.requestBody?.content;
  if (content) Object.assign(request, await drawBody(content, random, spite, headers));
  return request;
}

function pathValue(name: string, random: Random, spite: number): string {
  if (random() < spite / 2) {
    const odd = hostile(random);
    return pick(random, [
      encodeURIComponent(textOf(odd).slice(0, 2_000).toWellFormed()),
      '%00',
      '%2F',
      '%ZZ',
      '..%2f',
      '%E2%9C',
    ]);
  }
  if (name === 'namespace') return 'default';
  if (name === 'partition') return String(pick(random, [0, 0, 1, 7]));
  return encodeURIComponent(pick(random, NAMES));
}

async function drawBody(
  content: Record<string, { schema: Schema }>,
  random: Random,
  spite: number,
  headers: Record<string, string>,
): Promise<{ body: string | Uint8Array; headers: Record<string, string> }> {
  if (RECORD_BATCH_TYPE in content && random() < 0.4) {
    return {
      body: await drawBatches(random, spite),
      headers: { ...headers, 'content-type': RECORD_BATCH_TYPE },
    };
  }
  const { schema } = content[JSON_TYPE]!;
  const value = patiently(schema, valueOf(schema, random, spite));
  let body = JSON.stringify(value) ?? '';
  if (random() < spite / 4) body = body.slice(0, Math.floor(random() * body.length));
  if (random() < spite / 8) body = '['.repeat(20_000);
  const type =
    random() < spite / 4
      ? pick(random, ['text/html', 'application/json; charset=utf-16', ';', RECORD_BATCH_TYPE])
      : JSON_TYPE;
  return { body, headers: { ...headers, 'content-type': type } };
}

/** One or more batches; with spite some bytes are others, some are missing, and lengths lie. */
export async function drawBatches(random: Random, spite: number): Promise<Uint8Array> {
  const now = Date.now();
  const drawn = Array.from({ length: 1 + Math.floor(random() * 3) }, async () => {
    const records = Array.from({ length: 1 + Math.floor(random() * 5) }, () => ({
      key: random() < 0.5 ? null : randomBytes(random, 8),
      value: random() < 0.1 ? null : randomBytes(random, 60),
      timestamp: pick(random, [now, now, now, 0, -1, now + 10 ** 9]),
      headers:
        random() < 0.3
          ? [
              {
                key: pick(random, ['a', ':priority', ':delay-ms', ':unknown']),
                value: randomBytes(random, 5),
              },
            ]
          : [],
    }));
    const isGzip = random() < 0.2;
    const batch = encodeBatch(records);
    return isGzip ? await gzipBatch(batch) : batch;
  });
  const bytes = new Uint8Array(Buffer.concat(await Promise.all(drawn)));
  if (random() >= spite * 2) return bytes;
  for (let count = Math.floor(random() * 4); count >= 0; count--) {
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  }
  return random() < 0.3 ? bytes.slice(0, Math.floor(random() * bytes.length)) : bytes;
}

function randomBytes(random: Random, most: number): Uint8Array {
  return Uint8Array.from({ length: Math.floor(random() * most) }, () => Math.floor(random() * 256));
}

function patient(name: string, value: unknown): unknown {
  const most = AT_MOST[name] ?? Infinity;
  return typeof value === 'number' && Number.isInteger(value) && value > most ? most : value;
}

function patiently(schema: Schema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const patience = Object.entries(value).map(([name, member]) => [name, patient(name, member)] as const);
  // What is left out takes half a minute.
  const unsaid = schema.properties?.['timeout_ms'] ? { timeout_ms: AT_MOST['timeout_ms'] } : {};
  return { ...unsaid, ...Object.fromEntries(patience) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
