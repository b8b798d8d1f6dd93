/** Queues that AMQP clients declare again, with the same arguments and with others, as RabbitMQ 3.10 was seen to answer. */

import type { Options } from 'amqplib';
import { describe, expect, it } from 'vitest';
import { amqpGatewayForTests } from './support/amqp-gateway.ts';

const gateway = amqpGatewayForTests();
let made = 0;

/** Declares a queue on a channel of its own. Returns what went wrong; null: nothing. */
async function declare(queue: string, options: Options.AssertQueue): Promise<string | null> {
  const channel = await gateway.connection.createChannel();
  channel.on('error', () => {});
  try {
    await channel.assertQueue(queue, { durable: true, ...options });
    await channel.close();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

async function declareTwice(first: Options.AssertQueue, second: Options.AssertQueue): Promise<string | null> {
  const queue = `equivalent-${made++}`;
  expect(await declare(queue, first)).toBeNull();
  return await declare(queue, second);
}

describe.each<[string, unknown, unknown, object?]>([
  ['x-max-length', 5, 6],
  ['x-max-length-bytes', 500, 600],
  ['x-message-ttl', 1_000, 2_000],
  ['x-expires', 50_000, 60_000],
  ['x-max-priority', 40, 50],
  ['x-overflow', 'drop-head', 'reject-publish'],
  ['x-dead-letter-exchange', 'a', 'b'],
  ['x-dead-letter-routing-key', 'a', 'b', { 'x-dead-letter-exchange': 'x' }],
  ['x-single-active-consumer', true, false],
  ['x-delivery-limit', 200, 300, { 'x-queue-type': 'quorum' }],
  ['x-queue-mode', 'lazy', 'default'],
  ['x-queue-version', 1, 2],
  ['x-queue-master-locator', 'client-local', 'min-masters'],
])('%s', (name, one, other, always = {}) => {
  const given = { arguments: { ...always, [name]: one } };
  const without = { arguments: always };

  it('is the same when it is declared again', async () => {
    expect(await declareTwice(given, given)).toBeNull();
  });

  it.each([
    ['another value', given, { arguments: { ...always, [name]: other } }],
    ['leaving it out', given, without],
    ['adding it', without, given],
  ])('refuses %s', async (_, first, second) => {
    expect(await declareTwice(first, second)).toContain(`406 (PRECONDITION-FAILED)`);
    expect(await declareTwice(first, second)).toContain(`inequivalent arg '${name}'`);
  });
});

it.each<[string, Options.AssertQueue, Options.AssertQueue, string | null]>([
  ['durable', {}, { durable: false }, "inequivalent arg 'durable'"],
  ['auto_delete', {}, { autoDelete: true }, "inequivalent arg 'auto_delete'"],
  ['exclusive', {}, { exclusive: true }, '405 (RESOURCE-LOCKED)'],
  ['not exclusive', { exclusive: true }, {}, '405 (RESOURCE-LOCKED)'],
  ['the type of a queue', {}, { arguments: { 'x-queue-type': 'quorum' } }, "inequivalent arg 'x-queue-type'"],
  ['the usual type', {}, { arguments: { 'x-queue-type': 'classic' } }, null],
  ['what is the application’s own', { arguments: { mine: 1 } }, { arguments: { mine: 2 } }, null],
])('%s', async (_, first, second, said) => {
  const answer = await declareTwice(first, second);
  if (said === null) expect(answer).toBeNull();
  else expect(answer).toContain(said);
});

it('a queue that an operator has changed over HTTP may be declared as before, and not otherwise', async () => {
  const queue = `equivalent-${made++}`;
  expect(await declare(queue, { maxLength: 5 })).toBeNull();
  await gateway.broker.call('PATCH', `/v1/default/queues/${queue}`, {
    max_length: 7,
    retry: { schedule_ms: [1] },
  });
  expect(await declare(queue, { maxLength: 5 })).toBeNull();
  expect(await declare(queue, { maxLength: 7 })).toContain("inequivalent arg 'x-max-length'");
});

it('a queue that was made over HTTP is compared by what it is, but for retries and dead letters', async () => {
  const queue = `equivalent-${made++}`;
  await gateway.broker.call('PUT', `/v1/default/queues/${queue}`, { max_length: 5 });
  expect(await declare(queue, { maxLength: 5 })).toBeNull();
  expect(await declare(queue, { maxLength: 6 })).toContain('406 (PRECONDITION-FAILED)');
});

it('a queue with a short x-expires goes soon after its last use', async () => {
  const queue = `equivalent-${made++}`;
  expect(await declare(queue, { expires: 100 })).toBeNull();
  const isThere = async (): Promise<boolean> =>
    (await gateway.broker.call('GET', `/v1/default/queues/${queue}`)).status === 200;
  await expect.poll(isThere, { timeout: 10_000 }).toBe(false);
});
