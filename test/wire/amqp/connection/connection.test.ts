import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FRAME_TYPES, PROTOCOL_HEADER } from '../../../../wire/amqp/codec/frames.ts';
import { METHODS } from '../../../../wire/amqp/codec/methods.ts';
import { FakeClient } from '../fake-client.ts';

const CLOSE = { replyCode: 200, replyText: 'bye', classId: 0, methodId: 0 };

/** The code that the server closed the connection with. */
function closedWith(client: FakeClient): unknown {
  const close = client.sent().find(([, what]) => what === 'connection.close');
  return (close?.[2] as { replyCode: number } | undefined)?.replyCode;
}

const QOS = { prefetchSize: 1, prefetchCount: 1, global: false };

const updateSecret = (client: FakeClient, secret: string): void =>
  client.send(0, 'connection.update-secret', { newSecret: new TextEncoder().encode(secret), reason: '' });

describe('a broker that takes no messages', () => {
  const opened = (capabilities: string[]): FakeClient => {
    const client = new FakeClient();
    client.connection.receive(PROTOCOL_HEADER);
    client.logIn('guest', capabilities);
    client.send(0, 'connection.tune-ok', { channelMax: 0, frameMax: 0, heartbeat: 0 });
    client.send(0, 'connection.open', { virtualHost: '/', capabilities: '', insist: false });
    client.sent();
    return client;
  };

  it('is told to clients that know what that means, once, and so is its end', () => {
    const client = opened(['connection.blocked']);
    client.connection.setBlocked('the disk is full');
    client.connection.setBlocked('the disk is full');
    expect(client.sent()).toEqual([[0, 'connection.blocked', { reason: 'the disk is full' }]]);
    client.connection.setBlocked(null);
    client.connection.setBlocked(null);
    expect(client.sent()).toEqual([[0, 'connection.unblocked', {}]]);
  });

  it('is not told to others', () => {
    const client = opened([]);
    client.connection.setBlocked('the disk is full');
    client.connection.setBlocked(null);
    expect(client.sent()).toEqual([]);
  });
});

describe('the handshake', () => {
  it('goes from the header to the open connection', () => {
    const client = new FakeClient();
    for (const byte of PROTOCOL_HEADER) client.connection.receive(new Uint8Array([byte]));
    expect(client.sent()).toMatchObject([[0, 'connection.start', { versionMajor: 0, versionMinor: 9 }]]);
    client.logIn();
    expect(client.sent()).toMatchObject([[0, 'connection.tune', { channelMax: 2_047, frameMax: 131_072 }]]);
    client.send(0, 'connection.tune-ok', { channelMax: 0, frameMax: 0, heartbeat: 30 });
    expect(client.connection.heartbeatS).toBe(30);
    client.send(0, 'connection.open', { virtualHost: '/', capabilities: '', insist: false });
    expect(client.sent()).toMatchObject([[0, 'connection.open-ok', {}]]);
    expect(client.connection.isOpen).toBe(true);
  });

  it.each([
    ['another protocol', 'GET / HT'],
    ['another version', 'AMQP\0\0\u0009\u0000'],
  ])('answers %s with the header of this one, and ends', (_, text) => {
    const client = new FakeClient();
    client.connection.receive(new TextEncoder().encode(text));
    expect(client.connection.takeOutput()).toEqual(PROTOCOL_HEADER);
    expect(client.isFinished).toBe(true);
  });

  it('refuses a login with 403, or by the end of the socket for clients that do not know better', () => {
    for (const [capabilities, code] of [
      [['authentication_failure_close'], 403],
      [[], undefined],
    ] as const) {
      const client = new FakeClient();
      client.connection.receive(PROTOCOL_HEADER);
      client.sent();
      client.logIn('mallory', [...capabilities]);
      expect(closedWith(client)).toBe(code);
      expect(client.isFinished).toBe(code === undefined);
    }
  });

  it.each([
    ['a frame_max above the server', { channelMax: 1, frameMax: 131_073, heartbeat: 0 }],
    ['a frame_max below the least', { channelMax: 1, frameMax: 4_095, heartbeat: 0 }],
    ['a channel_max above the server', { channelMax: 2_048, frameMax: 0, heartbeat: 0 }],
  ])('refuses %s with 530', (_, tune) => {
    const client = new FakeClient();
    client.connection.receive(PROTOCOL_HEADER);
    client.logIn();
    client.send(0, 'connection.tune-ok', tune);
    expect(closedWith(client)).toBe(530);
  });
});

describe('an open connection', () => {
  const queueDeclare = (channel: number) => (client: FakeClient) =>
    client.send(channel, 'queue.purge', { reserved1: 0, queue: 'q', noWait: false });

  it.each<[string, number, (client: FakeClient) => void]>([
    ['a method on a channel that is not open', 504, queueDeclare(2)],
    ['a second open of a channel', 504, (client) => client.send(1, 'channel.open', { outOfBand: '' })],
    [
      'more channels than agreed',
      530,
      (client) => {
        for (let number = 2; number <= 11; number++) client.send(number, 'channel.open', { outOfBand: '' });
      },
    ],
    ['a method of a channel on channel 0', 503, queueDeclare(0)],
    ['a method of the connection on a channel', 503, (client) => client.send(1, 'connection.close', CLOSE)],
    ['a method of the server', 503, (client) => client.send(1, 'basic.get-empty', { clusterId: '' })],
    ['an unknown type of frames', 501, (client) => client.frame(4, 0, new Uint8Array())],
    ['a heartbeat on a channel', 505, (client) => client.frame(FRAME_TYPES.heartbeat, 1, new Uint8Array())],
    ['content on channel 0', 505, (client) => client.frame(FRAME_TYPES.body, 0, new Uint8Array())],
    ['a body without a method', 505, (client) => client.frame(FRAME_TYPES.body, 1, new Uint8Array())],
    ['a header without a method', 505, (client) => client.frame(FRAME_TYPES.header, 1, new Uint8Array(14))],
    [
      'a malformed method',
      502,
      (client) => client.frame(FRAME_TYPES.method, 1, new Uint8Array([0, 60, 0, 70, 0])),
    ],
    [
      'an unknown method',
      503,
      (client) => client.frame(FRAME_TYPES.method, 1, new Uint8Array([0, 99, 0, 1])),
    ],
    ['a prefetch in bytes', 540, (client) => client.send(1, 'basic.qos', QOS)],
    ['a secret that is not good', 530, (client) => updateSecret(client, 'old')],
    [
      'a frame above the agreed size',
      501,
      ({ connection }) => connection.receive(new Uint8Array([1, 0, 1, 1, 0, 0, 0])),
    ],
  ])('is closed for %s with %i', (_, code, misbehave) => {
    const client = FakeClient.open();
    misbehave(client);
    expect(closedWith(client)).toBe(code);
    client.publish('late');
    expect(client.calls).toEqual([]);
    client.send(0, 'connection.close-ok', {});
    expect(client.isFinished).toBe(true);
  });

  it('takes any number for a channel: the agreed maximum is how many may be open', () => {
    const client = FakeClient.open();
    client.send(65_535, 'channel.open', { outOfBand: '' });
    expect(client.sent()).toMatchObject([[65_535, 'channel.open-ok', {}]]);
  });

  it('takes another secret', () => {
    const client = FakeClient.open();
    updateSecret(client, 'new');
    expect(client.sent()).toEqual([[0, 'connection.update-secret-ok', {}]]);
  });

  it('names the method that was in error', () => {
    const client = FakeClient.open();
    client.send(1, 'basic.qos', QOS);
    const { classId, methodId } = METHODS['basic.qos'];
    expect(client.sent()[0]![2]).toMatchObject({ classId, methodId });
  });

  it('is closed for its client when every publish has an outcome, and confirms come first', () => {
    const client = FakeClient.open();
    client.send(1, 'confirm.select', { noWait: true });
    client.publish('a');
    client.send(0, 'connection.close', CLOSE);
    expect(client.sent()).toEqual([]);
    client.answer('stored');
    expect(client.sent().map(([, what]) => what)).toEqual(['basic.ack', 'connection.close-ok']);
    expect(client.isFinished).toBe(true);
  });

  it('sends a heartbeat in each half of an interval, also beside other frames, and counts a silent client as dead', () => {
    const client = FakeClient.open();
    for (let half = 1; half <= 4; half++) {
      expect(client.connection.tick(true)).toBe(true);
      expect(client.sent().filter(([, what]) => what === 'heartbeat')).toHaveLength(1);
    }
    expect(client.connection.tick(true)).toBe(false);
    client.frame(FRAME_TYPES.heartbeat, 0, new Uint8Array());
    expect(client.connection.tick(true)).toBe(true);
  });

  it('takes no client for dead while it does not read what that sends', () => {
    const client = FakeClient.open();
    for (let tick = 0; tick < 10; tick++) expect(client.connection.tick(false)).toBe(true);
    expect([1, 2, 3, 4, 5].map(() => client.connection.tick(true))).toEqual([true, true, true, true, false]);
  });

  it('survives any bytes without throwing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 3, 8),
        fc.nat(3),
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        (type, channel, payloads) => {
          const client = FakeClient.open();
          for (const payload of payloads) client.connection.receive(encodeFrame(type, channel, payload));
          for (const payload of payloads) client.connection.receive(payload);
          client.connection.takeOutput();
          client.connection.end();
        },
      ),
    );
  });
});
