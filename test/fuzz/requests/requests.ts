/**
 * Requests drawn from the OpenAPI document: any operation, with values that fit its schemas or do not, in any encoding; most
 * of them with ids, tags and epochs that earlier answers gave.
 */

import { gzipSync } from 'node:zlib';
import { openApiDocument } from '../../../protocol/openapi.ts';
import {
  JSON_TYPE,
  RECORD_BATCH_TYPE,
  TOPOLOGY_VERSION_HEADER,
} from '../../../protocol/headers/media-types.ts';
import type { Random } from '../../crash/random.ts';
import { drawBatches } from '../codec/batches.ts';
import { fit, type Fit } from './fitting.ts';
import type { Knowledge } from '../values/knowledge.ts';
import { oddQuery } from './odd-query.ts';
import { jsonOf, RawJson } from './raw-json.ts';
import {
  hostile,
  LIVING_NAMES,
  NAMES,
  pick,
  spoiled,
  valueOf,
  type Schema,
} from '../values/schema-values.ts';

export interface FuzzRequest {
  /** Empty if the path does not take the method. */
  operation: string;
  method: string;
  path: string;
  /** What the path names. */
  names: Record<string, string>;
  headers: Record<string, string>;
  /** The body as it was before it was written down; `{}` if there is none. */
  sent: unknown;
  body?: string | Uint8Array;
  /** The body comes in pieces, without a length. */
  isChunked: boolean;
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

/** What stores values and gives them back is drawn more often than the rest. */
const DATA = KNOWN.filter(({ description: { operationId } }) =>
  ['produce', 'publish', 'publishToQueue', 'fetch', 'peekQueue', 'deliver'].includes(operationId),
);
const DATA_SHARE = 0.15;

/** The namespaces of the broker. What is compared with what it was is of the first. */
export const NAMESPACES = ['default', 'tenant'];

/** The runtime itself refuses longer heads of requests. */
const QUERY_LENGTH_MAX = 300;

/** What would only make it slow: times of waiting, and a thousand partitions. */
const AT_MOST: Record<string, number> = { wait_ms: 20, partitions: 4 };

/** Said if the drawn request does not, because what is left out takes half a minute. */
const UNSAID: Record<string, Record<string, string>> = { request: { wait_ms: '20' } };

export async function drawRequest(random: Random, knowledge: Knowledge): Promise<FuzzRequest> {
  const { method, path, description } = pick(random, random() < DATA_SHARE ? DATA : KNOWN);
  const operation = description.operationId;
  const spite = pick(random, [0, 0, 0, 0.05, 0.2, 0.6]);
  const namespace = pick(random, [...Array.from({ length: 12 }, () => NAMESPACES[0]!), NAMESPACES[1]!]);
  const isFitted = namespace === NAMESPACES[0] && random() < 0.8;
  const fitted = isFitted ? (fit(operation, knowledge, random) ?? {}) : {};
  const query = new URLSearchParams(UNSAID[operation]);
  const names: Record<string, string> = {};
  let filled = path;
  for (const { name, in: where, required, schema } of description.parameters) {
    if (where === 'path') {
      names[name] = fitted.names?.[name] ?? nameFor(name, namespace, random);
      filled = filled.replace(`{${name}}`, spoiledName(names[name], random, spite));
    } else if (required || random() < (isFitted ? 0.1 : 0.3))
      query.set(name, textOf(patient(name, valueOf(schema, random, spite))).slice(0, QUERY_LENGTH_MAX));
  }
  for (const [name, value] of Object.entries(fitted.query ?? {})) query.set(name, value);
  if (random() < spite / 2) query.set('surprise', textOf(hostile(random)).slice(0, QUERY_LENGTH_MAX));
  const sentMethod = random() < spite / 20 ? pick(random, ['POST', 'PUT', 'PATCH', 'DELETE']) : method;
  const meant = KNOWN.find((known) => known.path === path && known.method === sentMethod);
  const request: FuzzRequest = {
    operation: meant?.description.operationId ?? '',
    method: sentMethod,
    path: filled + textOfQuery(query, random, spite),
    names,
    headers: headersFor(random, knowledge),
    sent: {},
    isChunked: false,
  };
  const content = description.requestBody?.content;
  if (content) await drawBody(request, content, fitted, knowledge, random, spite);
  return request;
}

function textOfQuery(query: URLSearchParams, random: Random, spite: number): string {
  const text = random() < spite ? oddQuery(query, random) : query.toString();
  return text === '' ? '' : `?${text}`;
}

function nameFor(name: string, namespace: string, random: Random): string {
  if (name === 'namespace') return namespace;
  if (name === 'object' && random() < 0.9) return `forever.${pick(random, LIVING_NAMES)}`;
  if (name === 'partition') return String(pick(random, [0, 0, 0, 1, 7]));
  return random() < 0.8 ? pick(random, LIVING_NAMES) : pick(random, NAMES);
}

function spoiledName(name: string, random: Random, spite: number): string {
  if (random() >= spite / 3) return encodeURIComponent(name);
  const odd = encodeURIComponent(textOf(hostile(random)).slice(0, 2_000).toWellFormed());
  return pick(random, [odd, '%00', '%2F', '%ZZ', '..%2f', '%E2%9C', `${name}%20`, name.toUpperCase()]);
}

function headersFor(random: Random, { topologyVersion }: Knowledge): Record<string, string> {
  const headers: Record<string, string> = {};
  if (random() < 0.1) headers['accept'] = pick(random, [RECORD_BATCH_TYPE, ...FRAME_TYPES, '*/*', 'x/y']);
  if (random() < 0.1)
    headers[TOPOLOGY_VERSION_HEADER] = pick(random, [String(topologyVersion), '-1', '999999999', 'NaN', '']);
  if (random() < 0.03) headers['traceparent'] = pick(random, ['00-0-0-00', 'x'.repeat(5_000), '00']);
  return headers;
}

const FRAME_TYPES = Object.values(document.paths)
  .flatMap((methods) => Object.values(methods))
  .flatMap(({ requestBody }) => Object.keys(requestBody?.content ?? {}))
  .concat('application/vnd.posthorn.deliveries.v1', 'application/vnd.posthorn.group-records.v1')
  .filter((type) => type.includes('posthorn'));

async function drawBody(
  request: FuzzRequest,
  content: Record<string, { schema: Schema }>,
  fitted: Fit,
  knowledge: Knowledge,
  random: Random,
  spite: number,
): Promise<void> {
  const { headers } = request;
  const other = Object.keys(content).find((type) => type !== JSON_TYPE);
  if (other && random() < (fitted.body ? 0.1 : 0.4)) {
    request.body = await drawBatches(random, spite);
    headers['content-type'] = other;
  } else {
    const schema = content[JSON_TYPE]?.schema ?? {};
    const drawn = patiently(valueOf(schema, random, fitted.body ? 0 : spite));
    request.sent = fitted.body ? { ...(drawn as object), ...fitted.body } : drawn;
    if (fitted.body && random() < spite * 2) request.sent = patiently(spoiled(request.sent, random));
    request.sent = knowledge.kept.mark(request.operation, request.sent);
    let text = jsonOf(request.sent);
    if (random() < spite / 4) text = text.slice(0, Math.floor(random() * text.length));
    if (random() < spite / 8) text = '['.repeat(20_000);
    request.body = text;
    headers['content-type'] =
      random() < spite / 4
        ? pick(random, ['text/html', 'application/json; charset=utf-16', ';', RECORD_BATCH_TYPE])
        : JSON_TYPE;
  }
  if (random() < spite / 4) encode(request, random);
  request.isChunked = random() < 0.05;
}

/** Says that the body is compressed: it is, or only its beginning is there, or it is not. */
function encode(request: FuzzRequest, random: Random): void {
  request.headers['content-encoding'] = pick(random, ['gzip', 'gzip', 'br', 'deflate', 'identity']);
  if (random() < 0.3) return;
  const zipped = gzipSync(request.body!);
  const end = random() < 0.5 ? zipped.length : Math.floor(random() * zipped.length);
  request.body = new Uint8Array(zipped.subarray(0, end));
}

function patient(name: string, value: unknown): unknown {
  const most = AT_MOST[name] ?? Infinity;
  return typeof value === 'number' && Number.isInteger(value) && value > most ? most : value;
}

function patiently(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  if (value instanceof RawJson) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, patient(name, member)]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : jsonOf(value);
}

/** A request as a line for people, cut if it is long. */
export function requestText({ method, path, headers, body }: FuzzRequest): string {
  const shown = body instanceof Uint8Array ? `base64:${Buffer.from(body).toString('base64')}` : (body ?? '');
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers)} ${shown.slice(0, 1_500)}`;
}
