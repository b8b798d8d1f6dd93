import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deliveriesOf } from '../../../core/queue/deliver/deliveries-json.ts';
import { writeJson } from '../../../protocol/json/json-text.ts';
import type { Deliveries, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import { decodeDeliveryFrame, tagsOfFrame } from '../../../protocol/frames/delivery-frame.ts';
import { DELIVERIES_TYPE, JSON_TYPE, SETTLEMENTS_TYPE } from '../../../protocol/headers/media-types.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import {
  decodeOutcomeFrame,
  encodeSettlementFrame,
  isOutcomeFrame,
  type SettlementEntry,
} from '../../../protocol/frames/settlement-frame.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start();
});
afterAll(() => broker.stop());

const publish = (queue: string, count: number): Promise<unknown> =>
  broker.call('POST', `/v1/default/queues/${queue}/messages`, {
    messages: Array.from({ length: count }, (_, body) => ({ body })),
  });
const stateOf = async (queue: string): Promise<QueueWithStateReply['state']> =>
  (await broker.call<QueueWithStateReply>('GET', `/v1/default/queues/${queue}`)).body.state;

/** A stream whose messages are read one after another. */
class Stream {
  readonly #socket: WebSocket;
  readonly #messages: unknown[] = [];
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(typeof data === 'string' ? JSON.parse(data) : new Uint8Array(data as ArrayBuffer));
      this.#wake();
    });
  }

  static async open(queue: string, query = ''): Promise<Stream> {
    const socket = new WebSocket(
      `${broker.url.replace('http', 'ws')}/v1/default/queues/${queue}/stream?${query}`,
    );
    const stream = new Stream(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    return stream;
  }

  async next<Message = Deliveries>(): Promise<Message> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#messages.shift() as Message;
  }

  send(fields: object | string | Uint8Array): void {
    const isRaw = typeof fields === 'string' || fields instanceof Uint8Array;
    this.#socket.send(isRaw ? (fields as string) : JSON.stringify(fields));
  }

  close(): void {
    this.#socket.close();
  }
}

/** The settlement of all messages of a delivery frame. */
function settlementOf(
  frame: Uint8Array,
  kind: SettlementEntry['kind'],
  id: number,
  details: object | '' = '',
): Uint8Array {
  const { queueId, sections } = decodeDeliveryFrame(frame);
  const entries = sections.flatMap(({ lane, runs }) =>
    runs.map(({ start, end, delivery }): SettlementEntry => {
      const text = details === '' ? '' : JSON.stringify(details);
      return { kind, queueId, lane, delivery, start, end, details: text };
    }),
  );
  return encodeSettlementFrame({ id, entries });
}

describe('a stream of frames', () => {
  it('brings deliveries as bytes and takes settlements as bytes, each answered', async () => {
    await broker.call('PUT', '/v1/default/queues/bytes', { retry: { schedule_ms: [60_000] } });
    const stream = await Stream.open('bytes', 'prefetch=3&frames=binary');
    await publish('bytes', 8);
    const first = await stream.next<Uint8Array>();
    expect(tagsOfFrame(first)).toHaveLength(3);
    stream.send(settlementOf(first, 'ack', 41));
    const answers = [await stream.next<Uint8Array>(), await stream.next<Uint8Array>()];
    const outcome = answers.find(isOutcomeFrame)!;
    const second = answers.find((bytes) => !isOutcomeFrame(bytes))!;
    expect(decodeOutcomeFrame(outcome)).toEqual({ id: 41, outcomes: ['settled', 'settled', 'settled'] });
    expect(deliveriesOf(decodeDeliveryFrame(second)).deliveries.map(({ body }) => writeJson(body))).toEqual([
      '3',
      '4',
      '5',
    ]);
    stream.send({ prefetch: 0 });
    expect(await stream.next<object>()).toEqual({ prefetch: 0 });
    stream.send(settlementOf(second, 'nack', 42, { error: { message: 'no' } }));
    const parked = decodeOutcomeFrame(await stream.next<Uint8Array>());
    expect(parked).toEqual({ id: 42, outcomes: ['parked', 'parked', 'parked'] });
    stream.send(settlementOf(second, 'ack', 43));
    const late = decodeOutcomeFrame(await stream.next<Uint8Array>()).outcomes;
    expect(new Set(late)).toEqual(new Set(['already_settled']));
    expect(await stateOf('bytes')).toMatchObject({ ready: 2, leased: 0, parked: 3 });
    stream.close();
  });

  it('settles over HTTP in the same form, for the consumer that is named', async () => {
    await broker.call('PUT', '/v1/default/queues/over-http', {});
    await publish('over-http', 4);
    const url = `${broker.url}/v1/default/queues/over-http`;
    const post = (path: string, body: BodyInit, type: string, accept = '*/*'): Promise<Response> =>
      fetch(`${url}/${path}`, { method: 'POST', body, headers: { 'content-type': type, accept } });
    const take = { max: 4, consumer_id: 'me' };
    const taken = await post('deliveries', JSON.stringify(take), JSON_TYPE, DELIVERIES_TYPE);
    const frame = settlementOf(
      new Uint8Array(await taken.arrayBuffer()),
      'ack',
      5,
    ) as Uint8Array<ArrayBuffer>;
    const outcomes = async (query: string): Promise<Set<string>> => {
      const reply = await post(`settlements${query}`, frame, SETTLEMENTS_TYPE);
      expect([reply.status, reply.headers.get('content-type')]).toEqual([200, SETTLEMENTS_TYPE]);
      const { id, outcomes: all } = decodeOutcomeFrame(new Uint8Array(await reply.arrayBuffer()));
      expect([id, all.length]).toEqual([5, 4]);
      return new Set(all);
    };
    expect(await outcomes('?consumer_id=other')).toEqual(new Set(['not_yours']));
    expect(await outcomes('?consumer_id=me')).toEqual(new Set(['settled']));
    expect(await outcomes('')).toEqual(new Set(['already_settled']));
    const wrong = await post('settlements', frame.slice(0, -1), SETTLEMENTS_TYPE);
    expect([wrong.status, await wrong.json()]).toMatchObject([
      400,
      { code: 'invalid_frame', id: 5, entry: 0 },
    ]);
  });

  it('settles the neighbours of an entry that is not valid', async () => {
    await broker.call('PUT', '/v1/default/queues/neighbours', {});
    await publish('neighbours', 4);
    const stream = await Stream.open('neighbours', 'frames=binary');
    const { queueId, sections } = decodeDeliveryFrame(await stream.next<Uint8Array>());
    const { lane, runs } = sections[0]!;
    const { start, delivery } = runs[0]!;
    const one = { kind: 'ack', queueId, lane, delivery, details: '' } as const;
    const entries = [
      { ...one, start, end: start + 1 },
      { ...one, start: start + 1, end: start + 2, lane: 64 },
      { ...one, start: start + 2, end: start + 3, details: '{"surprise":1}' },
      { ...one, start: start + 3, end: start + 4 },
    ];
    stream.send(encodeSettlementFrame({ id: 1, entries }));
    const outcomes = ['settled', 'unknown_tag', 'invalid', 'settled'];
    expect(decodeOutcomeFrame(await stream.next<Uint8Array>())).toEqual({ id: 1, outcomes });
    expect(await stateOf('neighbours')).toMatchObject({ ready: 0, leased: 2 });
    stream.close();
  });

  it('answers a malformed frame with a problem, changes nothing, and goes on', async () => {
    await broker.call('PUT', '/v1/default/queues/odd-bytes', {});
    await publish('odd-bytes', 2);
    const stream = await Stream.open('odd-bytes', 'frames=binary');
    const frame = await stream.next<Uint8Array>();
    const cut = settlementOf(frame, 'ack', 6).subarray(0, -1);
    const endless = settlementOf(frame, 'ack', 9);
    new DataView(endless.buffer).setFloat64(5 + 22, 1e9);
    for (const [bytes, problem] of [
      [new Uint8Array(), { code: 'invalid_frame' }],
      [new Uint8Array(9), { code: 'invalid_frame' }],
      [cut, { code: 'invalid_frame', id: 6, entry: 0 }],
      [endless, { code: 'too_many_tags', id: 9 }],
    ] as const) {
      stream.send(bytes);
      expect(await stream.next<object>()).toMatchObject(problem);
    }
    for (const bytes of [
      settlementOf(frame, 'extend', 7),
      settlementOf(frame, 'extend', 7, { lease_ms: -1 }),
      settlementOf(frame, 'ack', 7, { delay_ms: 5 }),
    ]) {
      stream.send(bytes);
      const answer = decodeOutcomeFrame(await stream.next<Uint8Array>());
      expect(answer).toEqual({ id: 7, outcomes: ['invalid', 'invalid'] });
    }
    for (const flow of [{ prefetch: -1 }, { prefetch: 1, id: 1, more: 1 }, { prefetch: 10_001 }]) {
      stream.send(flow);
      expect(await stream.next<object>()).toMatchObject({ code: 'invalid_field' });
    }
    expect(await stateOf('odd-bytes')).toMatchObject({ ready: 0, leased: 2 });
    stream.send(settlementOf(frame, 'ack', 10));
    expect(decodeOutcomeFrame(await stream.next<Uint8Array>()).outcomes).toEqual(['settled', 'settled']);
    stream.close();
  });
});

describe('a stream of a queue', () => {
  it('pushes within the prefetch, and more as deliveries are settled', async () => {
    await broker.call('PUT', '/v1/default/queues/pushed', {});
    const stream = await Stream.open('pushed', 'prefetch=2');
    await publish('pushed', 5);
    const { deliveries } = await stream.next();
    expect(deliveries.map(({ body }) => body)).toEqual([0, 1]);
    expect(await stateOf('pushed')).toMatchObject({ ready: 3, leased: 2, consumers: 1 });
    stream.send({ id: 7, ack: deliveries.map(({ delivery_tag }) => delivery_tag) });
    const first = await stream.next<object>();
    const second = await stream.next<object>();
    const [answer, more] = 'results' in first ? [first, second] : [second, first];
    expect(answer as SettledReply & { id: number }).toMatchObject({
      id: 7,
      results: [{ outcome: 'settled' }, { outcome: 'settled' }],
    });
    expect((more as Deliveries).deliveries.map(({ body }) => body)).toEqual([2, 3]);
    stream.close();
  });

  it('gives back what its consumer held when it ends', async () => {
    await broker.call('PUT', '/v1/default/queues/left', {});
    await publish('left', 3);
    const stream = await Stream.open('left');
    expect((await stream.next()).deliveries).toHaveLength(3);
    stream.close();
    let state = await stateOf('left');
    for (let tries = 0; state.leased > 0 && tries < 50; tries++) state = await stateOf('left');
    expect(state).toMatchObject({ ready: 3, leased: 0, consumers: 0 });
  });

  it('gives back nothing that its consumer has settled, whatever it was the last to say', async () => {
    await broker.call('PUT', '/v1/default/queues/last-words', {});
    for (let round = 1; round <= 10; round++) {
      const stream = await Stream.open('last-words', 'prefetch=10');
      await publish('last-words', 1);
      const { deliveries } = await stream.next();
      stream.send({ ack: deliveries.map(({ delivery_tag }) => delivery_tag) });
      stream.close();
      await expect.poll(() => stateOf('last-words')).toMatchObject({ consumers: 0 });
      expect(await stateOf('last-words')).toMatchObject({ ready: 0, leased: 0, meter: { settled: round } });
    }
  });

  it('lets an ack share the commit of the next message', async () => {
    await broker.call('PUT', '/v1/default/queues/in-step', {});
    const stream = await Stream.open('in-step', 'prefetch=10');
    const ROUNDS = 50;
    const nextDelivery = async (): Promise<Deliveries> => {
      const message = await stream.next<Partial<Deliveries>>();
      return message.deliveries ? (message as Deliveries) : await nextDelivery(); // past what became of an ack
    };
    for (let round = 0; round < ROUNDS; round++) {
      await publish('in-step', 1);
      const { deliveries } = await nextDelivery();
      stream.send({ ack: deliveries.map(({ delivery_tag }) => delivery_tag) });
    }
    await expect.poll(async () => (await stateOf('in-step')).meter.settled).toBe(ROUNDS);
    const { commits } = (await stateOf('in-step')).meter;
    expect(commits).toBeLessThan(2 * ROUNDS); // one for each message, and those of acks that nothing joined in time
    stream.close();
  });

  it('answers what is malformed with a code, and goes on', async () => {
    await broker.call('PUT', '/v1/default/queues/odd', {});
    const stream = await Stream.open('odd');
    for (const [text, code] of [
      ['{', 'malformed_json'],
      ['[]', 'invalid_field'],
      ['{"ack":7}', 'invalid_field'],
      ['{"colour":1}', 'invalid_field'],
    ] as const) {
      stream.send(text);
      expect((await stream.next<{ code?: string }>()).code, text).toBe(code);
    }
    await publish('odd', 1);
    expect((await stream.next()).deliveries).toHaveLength(1);
    stream.close();
  });

  it('is not to be had without an upgrade', async () => {
    const { status, body } = await broker.call('GET', '/v1/default/queues/odd/stream');
    expect([status, body.code]).toEqual([426, 'upgrade_required']);
  });

  it('deletes a queue with auto_delete when the last one ends', async () => {
    await broker.call('PUT', '/v1/default/queues/passing', { auto_delete: true });
    const stream = await Stream.open('passing');
    stream.close();
    let status = 200;
    for (let tries = 0; status === 200 && tries < 100; tries++) {
      status = (await broker.call('GET', '/v1/default/queues/passing')).status;
    }
    expect(status).toBe(404);
  });
});
