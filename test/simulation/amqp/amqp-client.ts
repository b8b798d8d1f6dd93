/** AMQP client: speaks the protocol over a simulated connection, and keeps nothing. */

import {
  decodeContentHeader,
  encodeContentHeader,
  encodeFrame,
  encodeProperties,
  FRAME_TYPES,
  HEARTBEAT_FRAME,
  PROTOCOL_HEADER,
  type Frame,
} from '../../../wire/amqp/codec/frames.ts';
import { FrameReader } from '../../../wire/amqp/codec/frame-reader.ts';
import { decodeMethod, encodeMethod } from '../../../wire/amqp/codec/method-codec.ts';
import type { BasicProperties } from '../../../wire/amqp/codec/properties.ts';
import {
  METHODS,
  type Method,
  type MethodFields,
  type MethodName,
} from '../../../wire/amqp/codec/methods.ts';
import { isAmqpError } from '../../../wire/amqp/reply-codes.ts';
import type { Scheduler } from '../platform/scheduler.ts';
import { OPEN, type SimSocket } from '../platform/socket.ts';

/** Longer than the broker takes for anything that it does in the end, in ms. */
const ANSWER_MS = 600_000;

const HEARTBEAT_S = 4;
const FRAME_MAX = 131_072;
const BASIC = METHODS['basic.publish'].classId;

export interface DeliveryFields {
  deliveryTag: number;
  redelivered: boolean;
}

export interface ChannelListener {
  /** A delivery or an answer to `basic.get`, with the body as text. */
  delivered(fields: DeliveryFields, text: string): void;
  confirmed(fields: { deliveryTag: number; multiple: boolean }, isAck: boolean): void;
  /** By the other side, with its reason. */
  ended(reason: string): void;
}

interface Asked {
  channel: number;
  replies: readonly MethodName[];
  answer: (method: Method | null) => void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class AmqpClient {
  /** Told of the end that this side has not asked for. */
  lost: () => void = () => {};
  readonly #socket: SimSocket;
  readonly #scheduler: Scheduler;
  readonly #reader = new FrameReader();
  readonly #listeners = new Map<number, ChannelListener>();
  #asked: Asked[] = [];
  #content: { channel: number; method: Method; left: number; parts: Uint8Array[] } | null = null;
  #isOver = false;

  constructor(socket: SimSocket, scheduler: Scheduler) {
    this.#socket = socket;
    this.#scheduler = scheduler;
    this.#reader.frameMax = FRAME_MAX;
    socket.addEventListener('message', ({ data }) => {
      if (this.#isOver) return;
      const error = this.#reader.read(new Uint8Array(data as ArrayBuffer), (frame) => this.#take(frame));
      if (error !== null) throw new Error(`the gateway has sent no AMQP: ${error.replyText}`);
    });
    socket.addEventListener('close', () => {
      if (this.#isOver) return;
      this.#end();
      this.lost();
    });
    socket.accept();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Logs in and opens the virtual host. Returns whether that came about. */
  async open(): Promise<boolean> {
    this.#socket.send(PROTOCOL_HEADER);
    if ((await this.#answer(0, ['connection.start'])) === null) return false;
    const tuned = await this.call(
      0,
      'connection.start-ok',
      {
        clientProperties: [],
        mechanism: 'PLAIN',
        response: encoder.encode('\0guest\0guest'),
        locale: 'en_US',
      },
      ['connection.tune'],
    );
    if (tuned === null) return false;
    this.send(0, 'connection.tune-ok', { channelMax: 0, frameMax: FRAME_MAX, heartbeat: HEARTBEAT_S });
    const fields = { virtualHost: '/', capabilities: '', insist: false };
    if ((await this.call(0, 'connection.open', fields, ['connection.open-ok'])) === null) return false;
    this.#beat();
    return true;
  }

  async openChannel(number: number, listener: ChannelListener): Promise<boolean> {
    this.#listeners.set(number, listener);
    return (await this.call(number, 'channel.open', { outOfBand: '' }, ['channel.open-ok'])) !== null;
  }

  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.#write(encodeFrame(FRAME_TYPES.method, channel, encodeMethod(name, fields)));
  }

  /** Sends a method. Returns its answer, or null if its channel or connection ends before. */
  call<Name extends MethodName>(
    channel: number,
    name: Name,
    fields: MethodFields<Name>,
    replies: readonly MethodName[],
  ): Promise<Method | null> {
    this.send(channel, name, fields);
    return this.#answer(channel, replies);
  }

  publish(channel: number, queue: string, text: string, properties: BasicProperties): void {
    const fields = { reserved1: 0, exchange: '', routingKey: queue, mandatory: false, immediate: false };
    const body = encoder.encode(text);
    this.send(channel, 'basic.publish', fields);
    const header = encodeContentHeader(BASIC, body.length, encodeProperties(properties));
    this.#write(encodeFrame(FRAME_TYPES.header, channel, header));
    this.#write(encodeFrame(FRAME_TYPES.body, channel, body));
  }

  /** Returns whether the other side has agreed. */
  async close(): Promise<boolean> {
    const fields = { replyCode: 200, replyText: 'done', classId: 0, methodId: 0 };
    const answer = await this.call(0, 'connection.close', fields, ['connection.close-ok']);
    if (this.#isOver) return false;
    this.#end();
    this.#socket.close();
    return answer !== null;
  }

  /** The connection breaks: what is on its way may be lost. */
  cut(): void {
    this.#end();
    this.#socket.break();
  }

  /** Nothing is sent or heard any more, and nobody is told. */
  vanish(): void {
    this.#end();
    this.#socket.vanish();
  }

  #end(): void {
    this.#isOver = true;
    const asked = this.#asked;
    this.#asked = [];
    for (const { answer } of asked) answer(null);
  }

  #write(bytes: Uint8Array): void {
    if (!this.#isOver && this.#socket.readyState === OPEN) this.#socket.send(bytes);
  }

  #beat(): void {
    this.#scheduler.after(HEARTBEAT_S * 500, 'AMQP heartbeat', () => {
      if (this.#isOver) return;
      this.#write(HEARTBEAT_FRAME);
      this.#beat();
    });
  }

  #answer(channel: number, replies: readonly MethodName[]): Promise<Method | null> {
    if (this.#isOver) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = this.#scheduler.after(ANSWER_MS, 'AMQP client gives up', () =>
        this.#scheduler.breakWith(new Error(`the gateway has not answered with ${replies.join(' or ')}`)),
      );
      const answer = (method: Method | null): void => {
        timer.isCancelled = true;
        resolve(method);
      };
      this.#asked.push({ channel, replies, answer });
    });
  }

  #take({ type, channel, payload }: Frame): boolean {
    if (type === FRAME_TYPES.heartbeat) return true;
    if (type !== FRAME_TYPES.method) {
      this.#takeContent(type, payload);
      return true;
    }
    const method = decodeMethod(payload);
    if (isAmqpError(method)) throw new Error(`the gateway has sent no method: ${method.replyText}`);
    const { name, fields } = method;
    const listener = this.#listeners.get(channel);
    if (name === 'connection.close') {
      this.send(0, 'connection.close-ok', {});
      this.#end();
      this.lost();
    } else if (name === 'channel.close') {
      this.send(channel, 'channel.close-ok', {});
      this.#listeners.delete(channel);
      this.#settle(channel, () => true, null);
      listener?.ended(fields.replyText);
    } else if (name === 'basic.deliver' || name === 'basic.get-ok') {
      this.#content = { channel, method, left: 0, parts: [] };
    } else if (name === 'basic.ack' || name === 'basic.nack') {
      listener?.confirmed(fields, name === 'basic.ack');
    } else this.#settle(channel, ({ replies }) => replies.includes(name), method);
    return !this.#isOver;
  }

  #takeContent(type: number, payload: Uint8Array): void {
    const content = this.#content!;
    if (type === FRAME_TYPES.header) {
      const header = decodeContentHeader(payload);
      if (isAmqpError(header)) throw new Error('the gateway has sent no header');
      content.left = header.bodyBytes;
    } else {
      content.parts.push(payload.slice());
      content.left -= payload.length;
    }
    if (content.left > 0) return;
    this.#content = null;
    const { channel, method } = content;
    const fields = method.fields as DeliveryFields;
    this.#listeners.get(channel)?.delivered(fields, decoder.decode(Buffer.concat(content.parts)));
    this.#settle(channel, ({ replies }) => replies.includes(method.name), method);
  }

  /** Answers the first that is asked for it; with null all. */
  #settle(channel: number, fits: (asked: Asked) => boolean, method: Method | null): void {
    const found = this.#asked.filter((asked) => asked.channel === channel && fits(asked));
    const answered = method === null ? found : found.slice(0, 1);
    this.#asked = this.#asked.filter((asked) => !answered.includes(asked));
    for (const { answer } of answered) answer(method);
  }
}
