/**
 * Sends drawn requests and frames to a broker and looks at every answer: never a 500, a refusal is a problem document with a
 * code of the table, it has changed nothing, a success is what the contract says, and the broker works afterwards.
 */

import { errorTable, type ErrorCode, type ProblemDocument } from '../../protocol/errors.ts';
import { JSON_TYPE, PROBLEM_TYPE } from '../../protocol/media-types.ts';
import { operations, type Operation } from '../../protocol/operations/index.ts';
import { randomFrom, type Random } from '../crash/random.ts';
import type { TestBroker } from '../support/test-broker.ts';
import { drawFrame } from './frames.ts';
import { drawRequest, type FuzzRequest } from './requests.ts';
import { difference, snapshot } from './snapshot.ts';

export interface FuzzOptions {
  seed: number;
  /** Requests; as many frames as a tenth of them. */
  requests: number;
  onProgress?: (done: FuzzTotals) => void;
  /** True ends it early. */
  isOver?: () => boolean;
}

export interface FuzzTotals {
  requests: number;
  refused: number;
  frames: number;
  /** One for each thing that is wrong. */
  wrong: string[];
}

const FRAMES_PER_STREAM = 10;
const STREAM_EVERY = 100;
const WRONG_MAX = 10;
/** An answer takes this long at most, in ms: only against one that never comes. */
const ANSWER_MS_MAX = 60_000;

export async function fuzz(broker: TestBroker, options: FuzzOptions): Promise<FuzzTotals> {
  const random = randomFrom(options.seed);
  const totals: FuzzTotals = { requests: 0, refused: 0, frames: 0, wrong: [] };
  await declare(broker);
  let before = await snapshot(broker);
  while (totals.requests < options.requests && totals.wrong.length < WRONG_MAX && !options.isOver?.()) {
    const request = await drawRequest(random);
    totals.requests += 1;
    const { isRefused, wrong } = await send(broker, request);
    if (isRefused) totals.refused += 1;
    const after = await snapshot(broker);
    const changed = isRefused ? difference(before, after) : null;
    if (changed !== null) wrong.push(`was refused and changed the state:\n${changed}`);
    before = after;
    totals.wrong.push(...wrong.map((what) => `${textOf(request)} ${what}`));
    if (totals.requests % STREAM_EVERY === 0) {
      await declare(broker);
      const broken = await fuzzStream(broker, random.fork());
      totals.frames += FRAMES_PER_STREAM;
      totals.wrong.push(...broken, ...(await checkHealth(broker)));
      before = await snapshot(broker);
      options.onProgress?.(totals);
    }
  }
  totals.wrong.push(...(await checkHealth(broker)));
  return totals;
}

async function declare(broker: TestBroker): Promise<void> {
  for (const name of ['victim', 'other']) {
    await broker.call('PUT', `/v1/default/topics/${name}`, {});
    await broker.call('PUT', `/v1/default/queues/${name}`, {});
  }
}

async function send(
  broker: TestBroker,
  { operation, method, path, headers, body }: FuzzRequest,
): Promise<{ isRefused: boolean; wrong: string[] }> {
  const response = await fetch(`${broker.url}${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
    ...(body !== undefined && { body: body as BodyInit }),
  }).catch((error: unknown) => error as Error);
  if (response instanceof Error)
    return { isRefused: false, wrong: [`was not answered: ${response.message}`] };
  const text = await response.text();
  if (!response.ok) return { isRefused: response.status < 500, wrong: checkProblem(response, text) };
  const [type] = (response.headers.get('content-type') ?? '').split(';');
  if (type !== JSON_TYPE)
    // also lines of JSON
    return { isRefused: false, wrong: [] };
  const known = operations[operation as keyof typeof operations] as Operation | undefined;
  const schema = known?.replies[response.status]?.json;
  if (!schema)
    return { isRefused: false, wrong: [`was answered ${response.status}, which the contract does not know`] };
  const parsed = schema.safeParse(JSON.parse(text));
  return {
    isRefused: false,
    wrong: parsed.success ? [] : [`was answered ${text.slice(0, 500)}: ${parsed.error.message}`],
  };
}

function checkProblem(response: Response, text: string): string[] {
  const said = `was answered ${response.status} ${text.slice(0, 500)}`;
  if (response.headers.get('content-type') !== PROBLEM_TYPE) return [`${said}, which is no problem document`];
  const problem = JSON.parse(text) as ProblemDocument;
  const known = errorTable[problem.code as ErrorCode];
  if (!known) return [`${said}, whose code is not in the table`];
  // Every object can be reached.
  if (problem.code === 'internal_error' || problem.code.endsWith('unavailable')) return [said];
  const isAsSaid =
    known.status === response.status && known.retryable === problem.retryable && problem.detail.length > 0;
  return isAsSaid ? [] : [`${said}, which is not what the table says`];
}

/** Each frame gets an answer, and the socket stays open. */
async function fuzzStream(broker: TestBroker, random: Random): Promise<string[]> {
  await broker.call('POST', '/v1/default/queues/other/resume');
  await broker.call('POST', '/v1/default/queues/other/messages', { messages: [{ body: 1 }, { body: 2 }] });
  const socket = new WebSocket(
    `${broker.url.replace('http', 'ws')}/v1/default/queues/other/stream?prefetch=5`,
  );
  const tags: string[] = [];
  let answered: () => void = () => {};
  let isClosed = false;
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data as string) as { deliveries?: { delivery_tag: string }[]; code?: string };
    if (message.deliveries) tags.push(...message.deliveries.map((one) => one.delivery_tag));
    else answered();
  });
  for (const event of ['close', 'error'] as const) {
    socket.addEventListener(event, () => {
      isClosed = true;
      answered();
    });
  }
  await new Promise<void>((resolve) => {
    answered = resolve;
    socket.addEventListener('open', () => resolve());
  });
  for (let count = 0; count < FRAMES_PER_STREAM; count++) {
    const frame = drawFrame(random, tags);
    const shown = `frame ${JSON.stringify(frame).slice(0, 500)}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<boolean>((resolve) => {
      answered = () => resolve(true);
      timer = setTimeout(() => resolve(false), ANSWER_MS_MAX);
    });
    socket.send(frame);
    const isAnswered = await answer;
    clearTimeout(timer);
    if (isClosed) return [`${shown} ended the stream`];
    if (!isAnswered) return [`${shown} was not answered`];
  }
  socket.close();
  return [];
}

/** Objects that nobody has touched, and one that everybody has. */
async function checkHealth(broker: TestBroker): Promise<string[]> {
  const wrong: string[] = [];
  const expectStatus = async (method: string, path: string, body?: object): Promise<void> => {
    const { status } = await broker.call(method, path, body);
    if (status > 201) wrong.push(`afterwards ${method} ${path} is answered ${status}`);
  };
  await expectStatus('GET', '/healthz');
  await expectStatus('PUT', '/v1/default/topics/untouched', {});
  await expectStatus('POST', '/v1/default/topics/untouched/records', { records: [{ value: 1 }] });
  await expectStatus('PUT', '/v1/default/queues/untouched', {});
  await expectStatus('POST', '/v1/default/queues/untouched/messages', { messages: [{ body: 1 }] });
  await expectStatus('PUT', '/v1/default/topics/victim', {});
  await expectStatus('GET', '/v1/default/topics/victim/partitions/0');
  return wrong;
}

function textOf({ method, path, headers, body }: FuzzRequest): string {
  const shown = body instanceof Uint8Array ? `base64:${Buffer.from(body).toString('base64')}` : (body ?? '');
  return `${method} ${path.slice(0, 300)} ${JSON.stringify(headers)} ${shown.slice(0, 1_500)}`;
}
