/** The wrapper of a Worker's handler: what the broker is told of each message. */

import { expect, it } from 'vitest';
import type { PushBatch, PushBatchReply } from '../../../protocol/push-batch.ts';
import { subscriber, type PushedBatch } from '../../../sdk/subscriber.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const batch: PushBatch = {
  namespace: 'default',
  subscription: 's',
  source: { queue: 'q' },
  is_test: false,
  messages: ['{"n":1}', 'no JSON', '3'].map((body, index) => ({
    id: `m${index}`,
    attempt: index + 1,
    timestamp: 5,
    key: index === 0 ? bytes('k') : null,
    body: bytes(body),
    headers: [
      { key: ':type', value: bytes('made') },
      { key: 'team', value: bytes('shop') },
    ],
  })),
};

const replyTo = (handler: (batch: PushedBatch) => unknown): Promise<PushBatchReply> =>
  subscriber(handler)(batch, {}, { waitUntil: () => {} });
const again = async (handler: (batch: PushedBatch) => unknown) => (await replyTo(handler)).retry;

it('accepts all if the handler returns', async () => {
  expect(await replyTo(() => 'something')).toEqual({ retry: [] });
});

it('wants again what the handler names, and the first word counts', async () => {
  expect(
    await again(({ messages: [first, second, third] }) => {
      first!.retry({ delayMs: 100 });
      first!.ack();
      second!.ack();
      second!.retry();
      third!.retry();
    }),
  ).toEqual([{ index: 0, delay_ms: 100 }, { index: 2 }]);
});

it('a word for all is for those of which nothing else was said', async () => {
  expect(
    await again((all) => {
      all.messages[1]!.ack();
      all.retryAll({ delayMs: 0 });
      all.ackAll();
    }),
  ).toEqual([
    { index: 0, delay_ms: 0 },
    { index: 2, delay_ms: 0 },
  ]);
});

it('wants again what was not acknowledged when the handler throws, at once or later', async () => {
  const { retry, error } = await replyTo(async ({ messages: [first] }) => {
    first!.ack();
    await Promise.resolve();
    throw new RangeError('too far');
  });
  expect(retry).toEqual([{ index: 1 }, { index: 2 }]);
  expect(error).toMatchObject({
    message: 'RangeError: too far',
    stack: expect.stringContaining('too far') as string,
  });
  const all = await replyTo((pushed) => {
    pushed.ackAll();
    const text: unknown = 'text';
    throw text as Error;
  });
  expect(all).toEqual({ retry: [], error: { message: 'text' } });
});

it('does not take a wrong delay', async () => {
  const { error } = await replyTo((pushed) => pushed.retryAll({ delayMs: -1 }));
  expect(error!.message).toContain('expected delayMs to be a number of at least 0, got -1');
});

it('shows messages with their bytes as text and JSON, and without the headers of the broker', async () => {
  await replyTo(({ messages: [first, second], source, isTest }) => {
    expect({ source, isTest }).toEqual({ source: { queue: 'q' }, isTest: false });
    expect(first).toMatchObject({ id: 'm0', attempts: 1, timestamp: 5, keyText: 'k', position: undefined });
    expect(first!.json()).toEqual({ n: 1 });
    expect(first!.headers.map(({ key }) => key)).toEqual(['team']);
    expect(first!.header('team')).toBe('shop');
    expect(second!.text()).toBe('no JSON');
    expect(() => second!.json()).toThrow('the body of message m1 is not JSON');
  }).then(({ error }) => expect(error).toBeUndefined());
});
