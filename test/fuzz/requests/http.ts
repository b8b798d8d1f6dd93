/**
 * Sends drawn requests to a broker and looks at every answer: it is what the contract says, a refusal has changed nothing,
 * nor has a request to another namespace, and the broker works afterwards.
 */

import { PRIORITY_MAX } from '../../../protocol/limits.ts';
import { randomFrom, type Random } from '../../crash/random.ts';
import type { TestBroker } from '../../support/broker/test-broker.ts';
import type { FetchReply, ProduceReply } from '../../../protocol/schemas/records.ts';
import { call, isClosed } from './call.ts';
import { readAnswer, type Answer } from '../answers.ts';
import { sendCut } from './cut-request.ts';
import { checkHealth, clear } from '../health.ts';
import { Knowledge } from '../values/knowledge.ts';
import { Movers } from '../movers.ts';
import { jsonOf } from './raw-json.ts';
import { drawRequest, NAMESPACES, requestText, type FuzzRequest } from './requests.ts';
import { difference, snapshot, type Snapshot } from '../snapshot.ts';

const REFUSED = 'was refused';

const HEALTH_EVERY = 100;
const CLEAR_EVERY = 2_000;
const CUT_SHARE = 0.01;
/** An answer takes this long at most, in ms: only against one that never comes. */
const ANSWER_MS_MAX = 60_000;

export class HttpFuzz {
  requests = 0;
  refused = 0;
  /** Changes beside a refused request that something else explains, by what it was. */
  readonly moved = new Map<string, number>();
  /** How often each operation succeeded. */
  readonly succeeded = new Map<string, number>();

  readonly #broker: TestBroker;
  readonly #random: Random;
  readonly #knowledge = new Knowledge();
  readonly #movers: Movers;
  /** Of the runtime, which lives as long as the run. */
  readonly #pid: number | undefined;
  #before: Snapshot | null = null;

  constructor(broker: TestBroker, seed: number) {
    this.#broker = broker;
    this.#random = randomFrom(seed);
    this.#movers = new Movers(broker);
    this.#pid = broker.broker.workerdPid;
  }

  /** Values that were read and compared with what was sent. */
  get compared(): number {
    return this.#knowledge.kept.compared;
  }

  /** One request. What is wrong, a text each. */
  async step(): Promise<string[]> {
    if (this.requests === 0) await makeNamespaces(this.#broker);
    if (this.requests % HEALTH_EVERY === 0) await this.#declare();
    this.#before ??= await snapshot(this.#broker);
    const request = await drawRequest(this.#random, this.#knowledge);
    this.requests += 1;
    const isCut = request.body !== undefined && this.#random() < CUT_SHARE;
    const wrong = await (isCut ? this.#cut(request) : this.#whole(request));
    const texts = wrong.map((what) => `request ${this.requests}: ${requestText(request)} ${what}`);
    if (this.requests % HEALTH_EVERY === 0) {
      this.forgetState();
      texts.push(...(await checkHealth(this.#broker)));
    }
    if (this.requests % CLEAR_EVERY === 0) {
      this.#knowledge.forget();
      for (const namespace of NAMESPACES) texts.push(...(await clear(this.#broker, namespace)));
    }
    return texts;
  }

  /** Something else has used the broker: the state is to be looked at anew. */
  forgetState(): void {
    this.#before = null;
  }

  async #declare(): Promise<void> {
    for (const name of ['victim', 'other']) {
      await call(this.#broker, 'PUT', `/v1/default/topics/${name}`, {});
      const more = name === 'other' ? { max_priority: PRIORITY_MAX } : {};
      await call(this.#broker, 'PUT', `/v1/default/queues/${name}`, more);
    }
    this.forgetState();
  }

  async #whole(request: FuzzRequest): Promise<string[]> {
    const { operation, names } = request;
    const answer = await this.#send(request);
    const { status, wrong } = answer;
    // Only in part: what it has stored is in the answer.
    const isRefused = status >= 400 && status < 500 && !answer.isPart;
    if (isRefused) this.refused += 1;
    if (status >= 200 && status < 300) {
      this.succeeded.set(operation, (this.succeeded.get(operation) ?? 0) + 1);
      if (names['namespace'] === NAMESPACES[0]) {
        this.#movers.note(operation, status);
        if (answer.json !== undefined) this.#knowledge.learn(request, answer.json);
      }
    }
    wrong.push(...this.#knowledge.kept.check(answer.text ?? '').wrong);
    if (status >= 200 && status < 300 && names['namespace'] === NAMESPACES[0]) {
      if (operation === 'produce') wrong.push(...(await this.#readBack(request, answer)));
      if (operation === 'publishToQueue') wrong.push(...(await this.#peek(request)));
    }
    const isElsewhere = names['namespace'] !== NAMESPACES[0];
    const why = isRefused ? REFUSED : isElsewhere ? 'was of another namespace' : null;
    const changed = await this.#compare(why, request);
    return [...wrong, ...changed];
  }

  /** What was acknowledged with its offsets is there, as it was sent. */
  async #readBack({ path: sentTo, sent }: FuzzRequest, { json }: Answer): Promise<string[]> {
    const { offsets } = (json ?? {}) as Partial<ProduceReply>;
    const { records, producer } = sent as { records?: unknown[]; producer?: unknown };
    const { kept } = this.#knowledge;
    const [mark] = records ? kept.marksOf(records) : [];
    const [first] = offsets ?? [];
    if (!first || typeof mark !== 'number') return [];
    const { partition, offset } = first;
    const topic = /^[^?]*\/topics\/[^/?]+/.exec(sentTo)![0];
    const path = `${topic}/partitions/${partition}/records?offset=${offset}&max_records=1`;
    const answer = await this.#get(path, 'fetch');
    const { marks, wrong } = kept.check(answer.text ?? '');
    const { log_start_offset: start = 0, records: read = [] } = (answer.json ?? {}) as Partial<FetchReply>;
    const isThere = read[0]?.offset === offset;
    // What a producer repeats is acknowledged where it was stored first.
    if (marks.has(mark) || (isThere && producer) || start > offset) return [...answer.wrong, ...wrong];
    if (!isThere && (await this.#isCompacted(topic))) return [...answer.wrong, ...wrong];
    const said = answer.code ?? jsonOf(read[0]).slice(0, 300);
    return [
      ...answer.wrong,
      ...wrong,
      `was acknowledged at ${partition}/${offset}, where there is now ${said}`,
    ];
  }

  async #isCompacted(path: string): Promise<boolean> {
    const { text = '' } = await this.#get(path, 'getTopic');
    return text.includes('"cleanup_policy":"compact');
  }

  /** What has just come may have left again, so it need not be there; what is there is as it was sent. */
  async #peek({ path }: FuzzRequest): Promise<string[]> {
    const { text = '', wrong } = await this.#get(`${path.split('?')[0]}?max=100`, 'peekQueue');
    return [...wrong, ...this.#knowledge.kept.check(text).wrong];
  }

  #get(path: string, operation: string): Promise<Answer> {
    const request = { operation, method: 'GET', path, names: {}, headers: {}, sent: {}, isChunked: false };
    return this.#send(request);
  }

  /** A body that is not complete cannot have been meant. */
  async #cut(request: FuzzRequest): Promise<string[]> {
    await sendCut(this.#broker.url, request);
    return this.#compare('ended before its body did', request, (again) => sendCut(this.#broker.url, again));
  }

  /** @param why nothing may have changed; null if it may */
  async #compare(
    why: string | null,
    request: FuzzRequest,
    send: (request: FuzzRequest) => Promise<Answer | void> = (again) => this.#send(again),
  ): Promise<string[]> {
    const before = this.#before!;
    this.#before = await snapshot(this.#broker);
    const changed = why === null ? null : difference(before, this.#before);
    if (changed === null) return [];
    const movers = await this.#movers.since(before, changed);
    const strange = this.#movers.strange.splice(0).join('\n');
    if (movers.length === 0) return [`${why} and changed the state:\n${changed.text}\n${strange}`];
    for (const mover of movers) this.moved.set(mover, (this.moved.get(mover) ?? 0) + 1);
    const quiet = await this.#movers.quiet();
    const repeated = await send(request);
    this.#before = await snapshot(this.#broker);
    // What stood in the way of a refused request may have left, such as a queue of that name that has expired.
    if (why === REFUSED && repeated && repeated.status < 400) return [];
    const again = difference(quiet, this.#before);
    return again === null ? [] : [`${why} and changed the state when nothing else moved:\n${again.text}`];
  }

  async #send(request: FuzzRequest): Promise<Answer> {
    try {
      return await this.#sendOnce(request);
    } catch (error) {
      const pid = this.#broker.broker.workerdPid;
      // Once more, if a connection was closed that was kept from the last request. Whether the first one was served
      // nobody knows, so that nothing is said of what has changed.
      if (isClosed(error) && pid === this.#pid) return await this.#sendAgain(request);
      return {
        status: 0,
        wrong: [`was not answered: ${String(error)}${pid === this.#pid ? '' : ', and the runtime ended'}`],
      };
    }
  }

  async #sendAgain(request: FuzzRequest): Promise<Answer> {
    try {
      return { ...(await this.#sendOnce(request)), status: 0 };
    } catch (error) {
      // A body in pieces may be refused while it is sent: the client sees the end of the connection before the answer.
      if (request.isChunked && isClosed(error)) return { status: 0, wrong: [] };
      return { status: 0, wrong: [`was not answered twice: ${String(error)}`] };
    }
  }

  async #sendOnce(request: FuzzRequest): Promise<Answer> {
    const { method, path, headers, body, isChunked } = request;
    const response = await fetch(`${this.#broker.url}${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
      ...(body !== undefined && { body: (isChunked ? inPieces(body) : body) as BodyInit }),
      ...(isChunked && { duplex: 'half' }),
    });
    return await readAnswer(response, request.operation);
  }
}

function inPieces(body: string | Uint8Array): ReadableStream<Uint8Array> {
  const bytes = new Uint8Array(Buffer.from(body));
  const size = Math.max(1, Math.ceil(bytes.length / 3));
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
      controller.close();
    },
  });
}

async function makeNamespaces(broker: TestBroker): Promise<void> {
  for (const namespace of NAMESPACES) await broker.call('PUT', `/admin/v1/namespaces/${namespace}`, {});
}
