/**
 * `npm run demo -- --poison`: five messages, one of them no JSON. The others flow on; the poison is tried again by the queue's
 * schedule, becomes a dead letter that says why, and is sent back when the consumer is mended. In real time, some seconds.
 */

import { Posthorn } from '../sdk/index.ts';

const BODIES = ['{"n":1}', '{"n":2}', '{"n":', '{"n":4}', '{"n":5}'];
const SCHEDULE_MS = [500, 1_500];

/** True where everything went as it says. */
export async function demonstratePoison(
  url: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const posthorn = new Posthorn({ url });
  const queue = `demo-poison-${Date.now().toString(36)}${process.pid}`;
  const startMs = performance.now();
  const at = (): string => `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;

  await posthorn.queues.declare(queue, { retry: { scheduleMs: SCHEDULE_MS } }, { signal });
  const publisher = posthorn.publisher();
  for (const body of BODIES) await publisher.sendToQueue(queue, { body });
  await publisher.close();
  say(`Sent ${BODIES.length} messages: ${BODIES.join('  ')}`);
  say(`Retries of the queue: after ${SCHEDULE_MS.map((ms) => ms / 1_000).join(' s and ')} s`);

  const handled: unknown[] = [];
  const broken = posthorn.consumer(queue, (message) => {
    say(`  ${at()}  attempt ${message.deliveryCount} of ${message.json<string>()!}`);
    handled.push(JSON.parse(message.json<string>()!));
  });
  let letter = null;
  while (letter === null && !signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for await (const each of posthorn.deadLetters.list(queue)) letter = each;
  }
  await broken.stop();
  if (letter === null) return false;
  const othersFirst = handled.length === BODIES.length - 1;
  say(`  ${at()}  a dead letter:`);
  for (const line of JSON.stringify({ error: letter.error, metadata: letter.metadata }, null, 2).split(
    '\n',
  )) {
    say(`          ${line}`);
  }

  say('The consumer is mended (it now closes the brace), and the dead letters are replayed:');
  const mended = Promise.withResolvers<string>();
  const consumer = posthorn.consumer(queue, (message) => {
    const text = message.json<string>()!;
    say(`  ${at()}  attempt ${message.deliveryCount} of ${text}: handled`);
    mended.resolve(text);
  });
  await posthorn.deadLetters.replay(queue);
  const text = await mended.promise;
  await consumer.stop();
  await posthorn.queues.delete(`${queue}.dlq`);
  await posthorn.queues.delete(queue);
  return othersFirst && text === BODIES[2];
}
