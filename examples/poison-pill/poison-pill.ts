/**
 * A poison message: five orders, one of them no JSON. The others flow on. The poison is tried again at once, after 1 s,
 * 5 s and 30 s, and becomes a dead letter that says why. Somebody repairs its body and sends it back.
 */

import { Posthorn, type DeadLetter } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';

const BODIES = ['{"order":1}', '{"order":2}', '{"order":', '{"order":4}', '{"order":5}'];
const POISON = 2;
const REPAIRED = '{"order":3}';
const SCHEDULE_MS = [0, 1_000, 5_000, 30_000];

/** @param timeScale what the delays are multiplied by; tests are in a hurry */
export async function poisonPill(context: ExampleContext, timeScale = 1): Promise<boolean> {
  const { broker, say, signal } = context;
  const posthorn = new Posthorn(broker);
  const queue = uniqueName('orders');
  const startMs = performance.now();
  const at = (): string => `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;

  const scheduleMs = SCHEDULE_MS.map((ms) => Math.round(ms * timeScale));
  await posthorn.queues.declare(queue, { retry: { scheduleMs } }, { signal });
  {
    await using publisher = posthorn.publisher();
    for (const body of BODIES) await publisher.sendToQueue(queue, { body });
  }
  say(`Sent ${BODIES.length} messages: ${BODIES.join('  ')}`);
  say(`The queue tries again after ${scheduleMs.map((ms) => `${ms / 1_000} s`).join(', ')}.`);

  const handled: unknown[] = [];
  let attempts = 0;
  const consumer = posthorn.consumer(queue, (message) => {
    const text = message.json<string>()!;
    say(`  ${at()}  attempt ${message.deliveryCount} of ${text}`);
    if (text === BODIES[POISON]) attempts++;
    handled.push(JSON.parse(text));
  });
  try {
    const letter = await deadLetterOf(posthorn, queue, signal);
    const handledBefore = handled.length;
    say(`  ${at()}  a dead letter:`);
    const { error, metadata } = letter;
    for (const line of JSON.stringify({ error, metadata }, null, 2).split('\n')) say(`          ${line}`);

    say(`Somebody repairs the body and sends it back: ${REPAIRED}`);
    await posthorn.deadLetters.resend(queue, letter.id, { body: REPAIRED });
    while (handled.length < BODIES.length) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return conclude(say, [
      { claim: 'the other messages did not wait for it', holds: handledBefore === BODIES.length - 1 },
      { claim: 'it was tried once and four times more', holds: attempts === SCHEDULE_MS.length + 1 },
      { claim: 'the dead letter names the error', holds: error.type === 'SyntaxError' },
      { claim: 'the repaired message was handled', holds: (handled.at(-1) as { order: number }).order === 3 },
    ]);
  } finally {
    await consumer.stop();
    await posthorn.queues.delete(`${queue}.dlq`);
    await posthorn.queues.delete(queue);
  }
}

async function deadLetterOf(posthorn: Posthorn, queue: string, signal: AbortSignal): Promise<DeadLetter> {
  for (;;) {
    signal.throwIfAborted();
    for await (const letter of posthorn.deadLetters.list(queue)) return letter;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
