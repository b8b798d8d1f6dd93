/** Kafka's messages as bytes: what kafkajs writes is read, what is written kafkajs reads, and nothing that is malformed throws. */

import fc from 'fast-check';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { concatenate } from '../../../../protocol/bytes.ts';
import { ByteReader } from '../../../../wire/kafka/codec/byte-reader.ts';
import { ByteWriter } from '../../../../wire/kafka/codec/byte-writer.ts';
import { decodeMessage, readMessage, writeMessage } from '../../../../wire/kafka/codec/codec.ts';
import {
  APIS,
  isWithin,
  MESSAGES,
  type Field,
  type Message,
} from '../../../../wire/kafka/codec/message-table.ts';

const versionsOf = ({ versions: [first, last] }: Message): number[] =>
  Array.from({ length: last - first + 1 }, (_, nth) => first + nth);

const everyVersion = [...MESSAGES.values()].flatMap((message) =>
  versionsOf(message).map((version) => [message.name, version, message] as const),
);

function encode(message: Message, version: number, struct: object): Uint8Array {
  const writer = new ByteWriter();
  writeMessage(writer, message, version, struct);
  return concatenate(writer.take());
}

const ONE: Record<string, fc.Arbitrary<unknown>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  uint16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int64: fc.maxSafeInteger(),
  float64: fc.double({ noNaN: true }),
  string: fc.string({ maxLength: 20 }),
  bytes: fc.uint8Array({ maxLength: 20 }),
  records: fc.uint8Array({ maxLength: 20 }),
  uuid: fc.uuid(),
};

/** Any value of the message, with all fields that the version has. */
function structs(fields: readonly Field[], version: number): fc.Arbitrary<object> {
  const present = fields.filter((field) => isWithin(field.versions, version));
  return fc.record(
    Object.fromEntries(
      present.map((field) => {
        const one = field.type === 'struct' ? structs(field.fields, version) : ONE[field.type]!;
        const value = field.isArray ? fc.array(one as fc.Arbitrary<unknown>, { maxLength: 2 }) : one;
        return [field.name, isWithin(field.nullable, version) ? fc.option(value) : value];
      }),
    ),
  );
}

describe('a message', () => {
  it.each(everyVersion)('%s of version %i survives being written and read', (_, version, message) => {
    fc.assert(
      fc.property(structs(message.fields, version), (struct) => {
        const decoded = decodeMessage(encode(message, version, struct), message, version);
        expect(decoded).toMatchObject(struct);
      }),
      { numRuns: 3 },
    );
  });

  it('that is cut off is refused, wherever it ends', () => {
    const message = MESSAGES.get('FetchRequest')!;
    const topics = [{ topic: 'orders', partitions: [{ partition: 1, fetchOffset: 5 }] }];
    for (const version of versionsOf(message)) {
      const bytes = encode(message, version, { topics });
      for (let end = 0; end < bytes.length; end++) {
        expect(decodeMessage(bytes.subarray(0, end), message, version)).toBeTypeOf('string');
      }
    }
  });

  it('made of any bytes is read or refused, and never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...everyVersion),
        fc.uint8Array({ maxLength: 100 }),
        ([, version, message], bytes) => {
          expect(['string', 'object']).toContain(typeof decodeMessage(bytes, message, version));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [
      'a billion elements',
      'MetadataRequest',
      1,
      [0x3b, 0x9a, 0xca, 0x00, 0, 0],
      'an array of 1000000000 elements',
    ],
    ['a text longer than the message', 'HeartbeatRequest', 0, [0x7f, 0xff, 0x61], '32767 bytes are missing'],
    ['null where none may be', 'HeartbeatRequest', 0, [0xff, 0xff, 0, 0, 0, 1, 0, 0], 'groupId is null'],
    [
      'a varint without an end',
      'HeartbeatRequest',
      4,
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      'a varint of more',
    ],
    [
      'a tagged field longer than the message',
      'DescribeClusterRequest',
      0,
      [1, 1, 5, 100],
      'a tagged field of 100 bytes',
    ],
    [
      'a hundred million tagged fields',
      'DescribeClusterRequest',
      0,
      [1, 0x80, 0xc2, 0xd7, 0x2f],
      'tagged fields',
    ],
  ])('with %s is refused before anything is allocated', (_, name, version, bytes, problem) => {
    expect(decodeMessage(new Uint8Array(bytes), MESSAGES.get(name)!, version)).toContain(problem);
  });

  it('has at most a million elements in all its arrays together', () => {
    const message = MESSAGES.get('OffsetFetchRequest')!;
    const partitionIndexes = Array.from({ length: 400_000 }, (_, nth) => nth);
    const topics = ['a', 'b', 'c'].map((name) => ({ name, partitionIndexes }));
    const bytes = encode(message, 1, { groupId: 'g', topics });
    expect(decodeMessage(bytes, message, 1)).toContain('an array of 400000 elements');
  });

  it('skips tagged fields that it does not know', () => {
    const message = MESSAGES.get('DescribeClusterRequest')!;
    expect(decodeMessage(new Uint8Array([1, 1, 77, 2, 9, 9]), message, 0)).toEqual({
      includeClusterAuthorizedOperations: true,
      endpointType: 1,
      includeFencedBrokers: false,
    });
  });

  it('hands over records without copying them', () => {
    const records = new Uint8Array(100_000);
    const writer = new ByteWriter();
    const partitions = [{ partitionIndex: 0, records }];
    writeMessage(writer, MESSAGES.get('FetchResponse')!, 11, { responses: [{ topic: 't', partitions }] });
    expect(writer.take().some((chunk) => chunk === records)).toBe(true);
  });
});

/** kafkajs's requests and responses, which it has written by hand. */
const require = createRequire(import.meta.url);
interface KafkaJsRequest {
  apiKey: number;
  apiVersion: number;
  encode(): Promise<{ buffer: Buffer }>;
}
type KafkaJsApi = (fields: object) => {
  request: KafkaJsRequest;
  response: { decode(bytes: Buffer): Promise<unknown> };
};
const theirs = (folder: string, version: number): KafkaJsApi =>
  (
    require(`kafkajs/src/protocol/requests/${folder}/index.js`) as {
      protocol(at: { version: number }): KafkaJsApi;
    }
  ).protocol({
    version,
  });

const REQUESTS: [folder: string, fields: object, ours: object][] = [
  [
    'metadata',
    { topics: ['a', 'b'], allowAutoTopicCreation: true },
    { topics: [{ name: 'a' }, { name: 'b' }] },
  ],
  ['findCoordinator', { coordinatorKey: 'g', groupId: 'g', coordinatorType: 0 }, { key: 'g' }],
  [
    'heartbeat',
    { groupId: 'g', groupGenerationId: 3, memberId: 'm' },
    { groupId: 'g', generationId: 3, memberId: 'm' },
  ],
  [
    'offsetCommit',
    {
      groupId: 'g',
      groupGenerationId: 2,
      memberId: 'm',
      topics: [{ topic: 't', partitions: [{ partition: 4, offset: '9007199254740991' }] }],
    },
    {
      groupId: 'g',
      topics: [{ name: 't', partitions: [{ partitionIndex: 4, committedOffset: 9_007_199_254_740_991 }] }],
    },
  ],
  [
    'listOffsets',
    {
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ topic: 't', partitions: [{ partition: 0, timestamp: '-2' }] }],
    },
    { topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -2 }] }] },
  ],
  [
    'initProducerId',
    { transactionalId: 'x', transactionTimeout: 5 },
    { transactionalId: 'x', transactionTimeoutMs: 5 },
  ],
];

describe('kafkajs', () => {
  it.each(REQUESTS)('writes what is read: %s', async (folder, fields, ours) => {
    const { versions } = require(`kafkajs/src/protocol/requests/${folder}/index.js`) as {
      versions: string[];
    };
    let compared = 0;
    for (const version of versions.map(Number)) {
      const { request } = theirs(folder, version)(fields);
      const message = APIS.get(request.apiKey)!.request;
      if (!isWithin(message.versions, version)) continue;
      const { buffer } = await request.encode();
      const reader = new ByteReader(new Uint8Array(buffer));
      expect(readMessage(reader, message, version)).toMatchObject(ours);
      expect([reader.problem, reader.left]).toEqual([null, 0]);
      compared++;
    }
    expect(compared).toBeGreaterThan(1);
  });

  it('reads what is written', async () => {
    const message = MESSAGES.get('MetadataResponse')!;
    const partitions = [{ partitionIndex: 3, leaderId: 1, replicaNodes: [1], isrNodes: [1] }];
    const struct = {
      brokers: [{ nodeId: 1, host: 'h', port: 9092 }],
      clusterId: 'c',
      controllerId: 1,
      topics: [{ name: 't', partitions }],
    };
    for (const version of [2, 4, 6]) {
      const { response } = theirs('metadata', version)({ topics: [], allowAutoTopicCreation: false });
      expect(await response.decode(Buffer.from(encode(message, version, struct)))).toMatchObject({
        brokers: [{ nodeId: 1, host: 'h', port: 9092, rack: null }],
        clusterId: 'c',
        topicMetadata: [
          { topic: 't', partitionMetadata: [{ partitionId: 3, leader: 1, replicas: [1], isr: [1] }] },
        ],
      });
    }
  });
});
