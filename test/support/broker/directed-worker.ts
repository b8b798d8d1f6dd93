/**
 * A Worker that subscriptions push to in tests: it asks a program of the test what to do with each batch, and does that.
 * With `raw` it answers without the wrapper.
 */

import { subscriber, type PushBatch } from '../../../sdk/subscriber.ts';

/** What the program of the test answers. */
export interface Direction {
  ack?: number[];
  retry?: { index: number; delayMs?: number }[];
  ackAll?: boolean;
  retryAll?: { delayMs?: number };
  /** Thrown in the end. */
  throws?: string;
  /** It never returns. */
  hangs?: boolean;
  /** Returned without the wrapper. */
  raw?: unknown;
  /** Thrown without the wrapper. */
  rawThrows?: string;
}

interface Env {
  DIRECTIONS: string;
}

/** Not a promise that nothing can resolve: the runtime notices those. */
const long = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60_000));

let direction: Direction = {};

const posthorn = subscriber<Env>((batch) => {
  const { ack = [], retry = [], ackAll, retryAll, throws, hangs } = direction;
  for (const index of ack) batch.messages[index]!.ack();
  for (const { index, ...options } of retry) batch.messages[index]!.retry(options);
  if (ackAll) batch.ackAll();
  if (retryAll) batch.retryAll(retryAll);
  if (throws !== undefined) throw new TypeError(throws);
  return hangs ? long() : undefined;
});

export default {
  fetch: () => new Response('a page', { status: 404 }),
  async posthorn(given: PushBatch, env: Env, ctx: ExecutionContext): Promise<unknown> {
    const response = await fetch(env.DIRECTIONS, { method: 'POST', body: JSON.stringify(shown(given)) });
    direction = await response.json<Direction>();
    if (direction.rawThrows !== undefined) throw new RangeError(direction.rawThrows);
    return 'raw' in direction ? direction.raw : await posthorn(given, env, ctx);
  },
};

/** The batch as the handler sees it, in JSON. */
function shown(given: PushBatch): unknown {
  let seen: unknown;
  void subscriber((batch) => {
    seen = Object.assign({}, batch, {
      messages: batch.messages.map((message) =>
        Object.assign({}, message, {
          key: message.keyText,
          body: message.text(),
          headers: message.headers.map(({ key }) => [key, message.header(key)]),
        }),
      ),
    });
  })(given, {}, { waitUntil: () => {} });
  return seen;
}
