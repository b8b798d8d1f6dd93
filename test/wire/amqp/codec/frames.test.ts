import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeContentHeader,
  decodeProperties,
  encodeContentHeader,
  encodeFrame,
  encodeProperties,
  HEARTBEAT_FRAME,
} from '../../../../wire/amqp/codec/frames.ts';
import { definitions } from './amqplib-definitions.ts';
import { basicProperties } from './arbitraries.ts';

describe('a frame', () => {
  it('has type, channel, length, payload and end', () => {
    expect([...encodeFrame(3, 0x0102, new Uint8Array([7, 8]))]).toEqual([3, 1, 2, 0, 0, 0, 2, 7, 8, 0xce]);
    expect([...HEARTBEAT_FRAME]).toEqual([8, 0, 0, 0, 0, 0, 0, 0xce]);
  });
});

describe('basic properties', () => {
  it('survive being written and read', () => {
    fc.assert(
      fc.property(basicProperties, (properties) => {
        expect(decodeProperties(encodeProperties(properties))).toEqual(properties);
      }),
    );
  });

  it('have the bytes that amqplib writes', () => {
    const properties = {
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      deliveryMode: 2,
      priority: 3,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '100',
      messageId: 'm',
      type: 't',
      userId: 'u',
      appId: 'a',
      clusterId: 'cluster',
    };
    const theirs = definitions.encodeProperties(definitions.BasicProperties, 1, 4, {
      ...properties,
      headers: { on: true },
      timestamp: 9,
    });
    const ours = encodeProperties({
      ...properties,
      headers: [['on', { type: 't', value: true }]],
      timestamp: 9n,
    });
    const payload = encodeContentHeader(60, 4, ours);
    expect(encodeFrame(2, 1, payload)).toEqual(new Uint8Array(theirs));
    expect(decodeContentHeader(payload)).toEqual({
      classId: 60,
      bodyBytes: 4,
      properties: decodeProperties(ours),
      rawProperties: ours,
    });
  });

  it('that are cut off, too long, or have flags of no property are refused with 502', () => {
    const header = encodeContentHeader(60, 4, encodeProperties({ contentType: 'text/plain', priority: 1 }));
    for (let length = 0; length < header.length; length++) {
      expect(decodeContentHeader(header.subarray(0, length))).toMatchObject({ replyCode: 502 });
    }
    expect(decodeContentHeader(new Uint8Array([...header, 0]))).toMatchObject({ replyCode: 502 });
    for (const flag of [1, 2]) expect(decodeProperties(new Uint8Array([0, flag]))).toBeNull();
  });
});
