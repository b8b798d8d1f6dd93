/** Any conversation of a client and any answers of the broker: the machine stands it, and says nothing that is no AMQP. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { METHODS, type MethodName } from '../../../../wire/amqp/codec/methods.ts';
import { basicProperties, fieldTable, shortText } from '../codec/arbitraries.ts';
import { FakeClient } from '../fake-client.ts';

const CHANNELS = 3;

const FIELDS = {
  bit: fc.boolean(),
  octet: fc.nat(255),
  short: fc.nat(65_535),
  long: fc.nat(2 ** 31 - 1),
  longlong: fc.nat(10),
  text: fc.oneof(fc.constantFrom('', 'q', 'amq.direct', 'amq.rabbitmq.reply-to'), shortText),
  bytes: fc.uint8Array({ maxLength: 20 }),
  table: fieldTable,
} as const;

/** A method with fields that its table allows. */
const method = fc.constantFrom(...(Object.keys(METHODS) as MethodName[])).chain((name) =>
  fc.record({
    name: fc.constant(name),
    fields: fc.record(
      Object.fromEntries(
        Object.entries(METHODS[name].fields).map(([field, type]) => [
          field,
          FIELDS[type as keyof typeof FIELDS],
        ]),
      ),
    ),
  }),
);

/** What the broker may say to any call. */
const answer = fc.oneof(
  fc.constantFrom('stored', 'unroutable', 'rejected', 'refused', null, 0, 5),
  fc.constant({ messageCount: 1, consumerCount: 2 }),
  fc.constant({ reply: 'not-found', reason: 'no queue' }),
  fc.constant({ reply: 'not-implemented', reason: 'nothing' }),
);

type Step = (client: FakeClient) => void;

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat(CHANNELS), method).map(
      ([channel, { name, fields }]): Step =>
        (client) =>
          client.send(channel, name, fields as never),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(shortText, basicProperties).map(
      ([text, properties]): Step =>
        (client) =>
          client.publish(text.slice(0, 20), {}, properties),
    ),
  },
  {
    weight: 4,
    arbitrary: answer.map(
      (given): Step =>
        (client) =>
          void (client.calls.length > 0 && answerSafely(client, given)),
    ),
  },
  fc.constantFrom<Step>(
    (client) => client.connection.setBlocked('full'),
    (client) => client.connection.setBlocked(null),
    (client) => void client.connection.tick(true),
  ),
);

/** An answer has the type of its call: a get has a message or none, a consume a consumer. */
function answerSafely(client: FakeClient, given: unknown): void {
  const { name } = client.calls[0]!;
  const isError = typeof given === 'object' && given !== null && 'reply' in given;
  if (isError) return client.answer(given);
  if (name === 'publish') return client.answer(typeof given === 'string' ? given : 'stored');
  if (name === 'get') return client.answer(null);
  if (name === 'consume') return client.answer({ start() {}, setPrefetch() {}, cancel() {} });
  if (name.endsWith('Queue') && name !== 'purgeQueue' && name !== 'deleteQueue') {
    return client.answer({ messageCount: 0, consumerCount: 0 });
  }
  return client.answer(name === 'purgeQueue' || name === 'deleteQueue' ? 1 : null);
}

it('never throws, counts what it holds, and lets everything go at its end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const client = FakeClient.open();
      client.send(2, 'channel.open', { outOfBand: '' });
      client.sent();
      for (const run of steps) {
        run(client);
        client.sent(); // throws for frames that are none
        const { count, bytes } = client.connection.backlog;
        expect(count).toBeGreaterThanOrEqual(0);
        expect(bytes).toBeGreaterThanOrEqual(0);
      }
      client.connection.end();
      while (client.calls.length > 0) answerSafely(client, null);
      expect(client.connection.backlog).toEqual({ count: 0, bytes: 0 });
      expect(client.sent()).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
