/**
 * Streams of a queue under drawn frames, text and bytes, while requests over HTTP publish to the same queue, take from it,
 * settle, purge, pause and wait. Each frame gets an answer, the socket stays open, and nothing stays leased for ever.
 */

import { decodeDeliveryFrame } from '../../../protocol/frames/delivery-frame.ts';
import { parseTag } from '../../../protocol/frames/delivery-tag.ts';
import type { Deliveries } from '../../../protocol/schemas/deliveries.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { decodeOutcomeFrame } from '../../../protocol/frames/settlement-frame.ts';
import { randomFrom, type Random } from '../../crash/random.ts';
import { until } from '../../support/broker/serve-process.ts';
import type { TestBroker } from '../../support/broker/test-broker.ts';
import { call, isClosed } from './call.ts';
import { problemOf, readAnswer } from '../answers.ts';
import { drawFrame, type KnownRun } from '../codec/frames.ts';
import { fuzzRequestSocket } from './request-sockets.ts';
import { liftQuotas } from '../health.ts';
import { sendNoise } from './raw-socket.ts';
import { requestReply } from './request-reply.ts';
import { pick } from '../values/schema-values.ts';

const QUEUE = '/v1/default/queues/streamed';
const FRAMES = 12;
const LEASE_MS = 200;
const ANSWER_MS_MAX = 60_000;
const RELEASED_MS_MAX = 15_000;

export class StreamFuzz {
  frames = 0;
  requests = 0;
  /** Operations that succeeded. */
  readonly succeeded = new Set<string>();

  readonly #broker: TestBroker;
  readonly #random: Random;

  constructor(broker: TestBroker, seed: number) {
    this.#broker = broker;
    this.#random = randomFrom(seed);
  }

  /** Two streams and their frames. What is wrong, a text each. */
  async round(): Promise<string[]> {
    await liftQuotas(this.#broker);
    await call(this.#broker, 'PUT', QUEUE, { lease_ms: LEASE_MS, retry: { schedule_ms: [10, 20] } });
    await call(this.#broker, 'POST', `${QUEUE}/resume`);
    const wrong: string[] = [];
    let isOver = false;
    const beside = this.#beside(this.#random.fork(), () => isOver);
    const streams = await Promise.all([
      this.#stream('json', this.#random.fork()),
      this.#stream('binary', this.#random.fork()),
      fuzzRequestSocket(`${this.#broker.url}${QUEUE}/messages/stream`, FRAMES, this.#random.fork()),
    ]);
    isOver = true;
    wrong.push(...streams.flat(), ...(await beside));
    if (this.#random() < 0.3) await sendNoise(this.#broker.url, `${QUEUE}/stream`, this.#random);
    if (this.#random() < 0.3) {
      const replied = await requestReply(this.#broker, this.#random);
      wrong.push(...replied.wrong);
      if (replied.isReplied) this.succeeded.add('request');
    }
    await call(this.#broker, 'POST', `${QUEUE}/resume`);
    try {
      await until(
        'what streams held is given back',
        async () => (await this.#leased()) === 0,
        RELEASED_MS_MAX,
      );
    } catch (error) {
      wrong.push((error as Error).message);
    }
    await call(this.#broker, 'POST', `${QUEUE}/purge`);
    return wrong;
  }

  async #leased(): Promise<number> {
    return (await call<QueueWithStateReply>(this.#broker, 'GET', QUEUE)).body.state.leased;
  }

  async #stream(form: string, random: Random): Promise<string[]> {
    const query = `prefetch=${pick(random, [1, 5, 100])}&frames=${form}`;
    const socket = new WebSocket(`${this.#broker.url.replace('http', 'ws')}${QUEUE}/stream?${query}`);
    socket.binaryType = 'arraybuffer';
    const runs: KnownRun[] = [];
    const wrong: string[] = [];
    let answered: (() => void) | undefined;
    let isClosed = false;
    let why = '';
    const closed = new Promise<void>((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => {
        isClosed = true;
        why = `${code} ${reason}`;
        resolve();
        answered?.();
      });
    });
    socket.addEventListener('message', ({ data }) => {
      const read = readMessage(data as string | ArrayBuffer);
      if ('runs' in read) runs.push(...read.runs);
      else {
        wrong.push(...read.wrong);
        answered?.();
      }
      if (runs.length > 100) runs.splice(0, 50);
    });
    await new Promise((resolve) => {
      socket.addEventListener('open', () => {
        this.succeeded.add('streamQueue');
        resolve(undefined);
      });
      socket.addEventListener('close', resolve);
    });
    for (let count = 0; count < FRAMES && wrong.length === 0; count++) {
      const frame = drawFrame(random, runs);
      const shown = `frame on a ${form} stream: ${textOf(frame)}`;
      this.frames += 1;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const answer = new Promise<boolean>((resolve) => {
        answered = () => resolve(true);
        timer = setTimeout(() => resolve(false), ANSWER_MS_MAX);
      });
      if (isClosed) return [...wrong, `${shown} had no stream any more: ${why}`];
      socket.send(frame as string | Uint8Array<ArrayBuffer>);
      const isAnswered = await answer;
      clearTimeout(timer);
      if (isClosed) return [...wrong, `${shown} ended the stream`];
      if (!isAnswered) return [...wrong, `${shown} was not answered`];
      if (wrong.length > 0) wrong.push(shown);
    }
    socket.close();
    await closed;
    return wrong;
  }

  /** Requests about the same queue, until it is over. Some clients leave while they wait. */
  async #beside(random: Random, isOver: () => boolean): Promise<string[]> {
    const wrong: string[] = [];
    let tags: string[] = [];
    while (!isOver()) {
      const [operation, path, body] = pick<readonly [string, string, object]>(random, [
        [
          'publishToQueue',
          '/messages',
          { messages: [{ body: 1 }, { body: 'two', properties: { delay_ms: 10 } }] },
        ],
        ['publishToQueue', '/messages', { messages: Array.from({ length: 20 }, (_, n) => ({ body: n })) }],
        ['deliver', '/deliveries', { max: 5, lease_ms: 100 }],
        ['deliver', '/deliveries', { max: 5, lease_ms: 100, wait_ms: 30 }],
        ['settle', '/settlements', { ack: tags.slice(0, 5), reject: tags.slice(3).map((tag) => ({ tag })) }],
        ['purgeQueue', '/purge', {}],
        ['pauseQueue', '/pause', {}],
        ['resumeQueue', '/resume', {}],
      ]);
      const leaveMs = random() < 0.15 ? Math.floor(random() * 20) : ANSWER_MS_MAX;
      this.requests += 1;
      const answer = await fetch(this.#broker.url + QUEUE + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(leaveMs),
      })
        .then((response) => readAnswer(response, operation))
        .catch((error: unknown) => {
          if (leaveMs === ANSWER_MS_MAX && !isClosed(error))
            wrong.push(`beside streams ${path} was not answered: ${String(error)}`);
          return null;
        });
      if (answer) wrong.push(...answer.wrong.map((what) => `beside streams ${path} ${what}`));
      if (operation === 'deliver' && answer?.json)
        tags = (answer.json as Deliveries).deliveries.map(({ delivery_tag: tag }) => tag);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    return wrong;
  }
}

/** Deliveries, or an answer to a frame. */
function readMessage(data: string | ArrayBuffer): { runs: KnownRun[] } | { wrong: string[] } {
  try {
    if (typeof data !== 'string') return readBytes(new Uint8Array(data));
    const message = JSON.parse(data) as { deliveries?: Deliveries['deliveries']; code?: string };
    if (message.deliveries) return { runs: message.deliveries.flatMap(runOf) };
    return {
      wrong:
        message.code === undefined ? [] : problemOf(message, `a stream says ${data.slice(0, 500)}`).wrong,
    };
  } catch (error) {
    return { wrong: [`a stream says what cannot be read: ${(error as Error).message}`] };
  }
}

function readBytes(bytes: Uint8Array): { runs: KnownRun[] } | { wrong: string[] } {
  if (bytes[0]! >= 0x80) {
    decodeOutcomeFrame(bytes);
    return { wrong: [] };
  }
  const { queueId, sections } = decodeDeliveryFrame(bytes);
  return { runs: sections.flatMap(({ lane, runs }) => runs.map((run) => ({ queueId, lane, ...run }))) };
}

function runOf({ delivery_tag: tag }: { delivery_tag: string }): KnownRun[] {
  const parsed = parseTag(tag);
  return parsed ? [{ ...parsed, start: parsed.offset, end: parsed.offset + 1 }] : [];
}

function textOf(frame: string | Uint8Array): string {
  return typeof frame === 'string'
    ? frame.slice(0, 500)
    : `base64:${Buffer.from(frame.slice(0, 500)).toString('base64')}`;
}
