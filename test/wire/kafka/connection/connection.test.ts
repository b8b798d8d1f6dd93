/** The connection machine: frames cut anywhere, answers in order, and what closes a connection. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatenate } from '../../../../protocol/bytes.ts';
import { ByteWriter } from '../../../../wire/kafka/codec/byte-writer.ts';
import { decodeMessage, writeMessage } from '../../../../wire/kafka/codec/codec.ts';
import { APIS, isWithin, MESSAGES } from '../../../../wire/kafka/codec/message-table.ts';
import { Connection } from '../../../../wire/kafka/connection/connection.ts';
import { ADVERTISED, SERVED } from '../../../../wire/kafka/served-apis.ts';

const [API_VERSIONS, METADATA, PRODUCE] = [18, 3, 0];

function frame(key: number, version: number, correlationId: number, body: object = {}): Uint8Array {
  const writer = new ByteWriter();
  const { request } = APIS.get(key)!;
  const isFlexible = isWithin(request.flexible, version);
  const header = { requestApiKey: key, requestApiVersion: version, correlationId, clientId: 'test' };
  writeMessage(writer, MESSAGES.get('RequestHeader')!, isFlexible ? 2 : 1, header);
  if (isWithin(request.versions, version)) writeMessage(writer, request, version, body);
  return framed(concatenate(writer.take()));
}

function framed(bytes: Uint8Array): Uint8Array {
  const length = new ByteWriter(4);
  length.int32(bytes.length);
  return concatenate([...length.take(), bytes]);
}

function takeAnswers(connection: Connection): { correlationId: number; bytes: Uint8Array }[] {
  const output = concatenate(connection.takeOutput());
  const view = new DataView(output.buffer);
  const answers = [];
  for (let at = 0; at < output.length; at += 4 + view.getInt32(at)) {
    const bytes = output.slice(at + 8, at + 4 + view.getInt32(at));
    answers.push({ correlationId: view.getInt32(at + 4), bytes });
  }
  return answers;
}

describe('a connection', () => {
  it('reads the same requests however their bytes are cut', () => {
    const bytes = concatenate([
      frame(API_VERSIONS, 3, 1),
      frame(METADATA, 9, 2, { topics: null }),
      frame(METADATA, 1, 3),
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const connection = new Connection(1_000);
        const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
        let start = 0;
        const requests = ends.flatMap((end) => {
          const read = connection.receive(bytes.slice(start, end));
          start = end;
          return read;
        });
        expect(requests.map(({ api, correlationId }) => [api, correlationId])).toEqual([
          ['ApiVersions', 1],
          ['Metadata', 2],
          ['Metadata', 3],
        ]);
        expect(connection.problem).toBeNull();
      }),
    );
  });

  it('answers in the order of the requests, and not at all where none is wanted', () => {
    const connection = new Connection(1_000);
    const requests = connection.receive(
      concatenate([
        frame(METADATA, 1, 1),
        frame(PRODUCE, 9, 2),
        frame(METADATA, 9, 3),
        frame(METADATA, 1, 4),
      ]),
    );
    connection.answer(requests[2]!, {});
    expect(connection.takeOutput()).toEqual([]);
    connection.answer(requests[1]!, null);
    connection.answer(requests[0]!, {});
    expect(takeAnswers(connection).map(({ correlationId }) => correlationId)).toEqual([1, 3]);
    expect(connection.backlog.requests).toBe(1);
    connection.answer(requests[3]!, {});
    expect(takeAnswers(connection).map(({ correlationId }) => correlationId)).toEqual([4]);
    expect(connection.backlog).toEqual({ requests: 0, bytes: 0 });
  });

  it('answers a version of ApiVersions that is to come with the first form of the answer', () => {
    const connection = new Connection(1_000);
    const [request] = connection.receive(frame(API_VERSIONS, 99, 7));
    expect(request).toMatchObject({ api: 'ApiVersions', isUnsupported: true, clientId: 'test' });
    connection.answer(request!, { errorCode: 35, apiKeys: ADVERTISED });
    const [answer] = takeAnswers(connection);
    const decoded = decodeMessage(answer!.bytes, MESSAGES.get('ApiVersionsResponse')!, 0);
    expect(decoded).toMatchObject({ errorCode: 35, apiKeys: ADVERTISED });
  });

  it.each([
    [
      'an unknown API',
      framed(new Uint8Array([0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff])),
      'no API with the key 999',
    ],
    ['a version that is not served', frame(METADATA, 99, 1), 'version 99 of Metadata'],
    ['a body that is cut off', framed(frame(METADATA, 9, 1).slice(4, -2)), 'Metadata version 9'],
    ['a size above the limit', new Uint8Array([0x7f, 0xff, 0xff, 0xff]), 'a request of 2147483647 bytes'],
    ['a size below zero', new Uint8Array([0xff, 0xff, 0xff, 0xff]), 'a request of -1 bytes'],
    ['no header', framed(new Uint8Array([0])), 'bytes are missing'],
    ['HTTP', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 'a request of 1195725856 bytes'],
  ])('is over after %s, and answers what came before', (_, bytes, problem) => {
    const connection = new Connection(10_000);
    const [request] = connection.receive(concatenate([frame(METADATA, 1, 1), bytes]));
    expect(connection.problem).toContain(problem);
    connection.answer(request!, {});
    expect(takeAnswers(connection)).toHaveLength(1);
    expect(connection.receive(frame(METADATA, 1, 2))).toEqual([]);
  });

  it('holds no more than the bytes of one request that is not complete', () => {
    const connection = new Connection(1_000);
    connection.receive(new Uint8Array([0, 0, 0, 100, 1, 2]));
    expect([connection.isWithinRequest, connection.backlog.bytes]).toEqual([true, 6]);
  });
});

describe('what is served', () => {
  it('is told as Kafka would, with Produce from 0 for the sake of older clients', () => {
    expect(ADVERTISED.find(({ apiKey }) => apiKey === PRODUCE)).toMatchObject({ minVersion: 0 });
    for (const { apiKey, minVersion, maxVersion } of ADVERTISED) {
      expect(maxVersion).toBeGreaterThanOrEqual(minVersion);
      expect(isWithin(APIS.get(apiKey)!.request.versions, maxVersion)).toBe(true);
    }
    expect(SERVED.size).toBe(ADVERTISED.length);
  });
});
