/** A client of the connection machine that speaks in methods, and a broker whose answers the test gives. */

import type { BrokerPort, Done, PublishedMessage, PublishOutcome } from '../../../wire/amqp/broker-port.ts';
import { FrameReader } from '../../../wire/amqp/codec/frame-reader.ts';
import {
  encodeContentHeader,
  encodeFrame,
  encodeProperties,
  FRAME_TYPES,
  PROTOCOL_HEADER,
} from '../../../wire/amqp/codec/frames.ts';
import { decodeMethod, encodeMethod } from '../../../wire/amqp/codec/method-codec.ts';
import type { MethodFields, MethodName } from '../../../wire/amqp/codec/methods.ts';
import { textField } from '../../../wire/amqp/codec/field-table.ts';
import { Connection } from '../../../wire/amqp/connection/connection.ts';
import { isAmqpError } from '../../../wire/amqp/reply-codes.ts';

export const BODY_BYTES_MAX = 1_000;

const encoder = new TextEncoder();

type Call = { name: string; args: unknown[]; done: Done<never> };

/** What the server has sent: the name and fields of a method, or the kind of another frame. */
export type Sent = [channel: number, what: string, fields?: object];

export class FakeClient {
  readonly connection: Connection;
  /** Calls to the broker that it has not answered. */
  readonly calls: Call[] = [];
  isFinished = false;
  readonly #reader = new FrameReader();

  constructor() {
    this.#reader.frameMax = 131_072;
    this.connection = new Connection(
      {
        version: '1',
        authenticate: ({ user }, done) =>
          done(user === 'guest' ? null : { reply: 'access-refused', reason: 'unknown user' }),
        renew: ({ password }, done) =>
          done(password === 'new' ? null : { reply: 'access-refused', reason: 'unknown secret' }),
        openHost: (_, host, done) =>
          done(host === '/' ? this.#port() : { reply: 'not-allowed', reason: 'unknown vhost' }),
        wake: () => {},
        finished: () => (this.isFinished = true),
      },
      BODY_BYTES_MAX,
    );
  }

  /** With an open connection and an open channel 1. */
  static open(): FakeClient {
    const client = new FakeClient();
    client.connection.receive(PROTOCOL_HEADER);
    client.logIn();
    client.send(0, 'connection.tune-ok', { channelMax: 10, frameMax: 131_072, heartbeat: 0 });
    client.send(0, 'connection.open', { virtualHost: '/', capabilities: '', insist: false });
    client.send(1, 'channel.open', { outOfBand: '' });
    client.sent();
    return client;
  }

  logIn(user = 'guest', capabilities: string[] = ['authentication_failure_close']): void {
    this.send(0, 'connection.start-ok', {
      clientProperties: [
        [
          'capabilities',
          { type: 'F', value: capabilities.map((name) => [name, { type: 't', value: true }] as const) },
        ],
        ['product', textField('test')],
      ],
      mechanism: 'PLAIN',
      response: encoder.encode(`\0${user}\0guest`),
      locale: 'en_US',
    });
  }

  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.connection.receive(encodeFrame(FRAME_TYPES.method, channel, encodeMethod(name, fields)));
  }

  publish(
    text: string,
    fields: Partial<MethodFields<'basic.publish'>> = {},
    properties: Parameters<typeof encodeProperties>[0] = {},
  ): void {
    const given = {
      reserved1: 0,
      exchange: '',
      routingKey: 'q',
      mandatory: false,
      immediate: false,
      ...fields,
    };
    this.send(1, 'basic.publish', given);
    const body = encoder.encode(text);
    const header = encodeContentHeader(60, body.length, encodeProperties(properties));
    this.frame(FRAME_TYPES.header, 1, header);
    if (body.length > 0) this.frame(FRAME_TYPES.body, 1, body);
  }

  frame(type: number, channel: number, payload: Uint8Array): void {
    this.connection.receive(encodeFrame(type, channel, payload));
  }

  /** What was sent since the last call. */
  sent(): Sent[] {
    const sent: Sent[] = [];
    this.#reader.read(this.connection.takeOutput(), ({ type, channel, payload }) => {
      const method = type === FRAME_TYPES.method ? decodeMethod(payload) : null;
      if (method === null) sent.push([channel, type === FRAME_TYPES.heartbeat ? 'heartbeat' : 'content']);
      else if (!isAmqpError(method)) sent.push([channel, method.name, method.fields]);
      return true;
    });
    return sent;
  }

  /** Answers the oldest call that is not answered. */
  answer(value: unknown): void {
    (this.calls.shift()!.done as Done<unknown>)(value);
  }

  /** Publishes that have no outcome yet. */
  get published(): { message: PublishedMessage; done: Done<PublishOutcome> }[] {
    return this.calls
      .filter(({ name }) => name === 'publish')
      .map(({ args, done }) => ({
        message: args[0] as PublishedMessage,
        done: done as Done<PublishOutcome>,
      }));
  }

  #port(): BrokerPort {
    return new Proxy({} as BrokerPort, {
      get: (_, name: string) =>
        name === 'uniqueName'
          ? (prefix: string) => `${prefix}1`
          : (...args: unknown[]) => {
              const done = args.pop() as Done<never>;
              this.calls.push({ name, args, done });
            },
    });
  }
}
