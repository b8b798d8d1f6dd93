/**
 * Messages that die once, and are sent back by replays while the broker dies: each is moved once, so that it comes once more
 * and is settled once.
 */

import type { Deliveries, QueuePublished, SettledReply } from '../../../protocol/schemas/deliveries.ts';
import type { Replay } from '../../../protocol/schemas/dead-letters.ts';
import type { QueueWithStateReply } from '../../../protocol/schemas/queues.ts';
import { ask, pause, put, RETRY_MS } from '../http.ts';
import type { Load } from './load.ts';
import type { OnceLedger } from '../ledgers/once-ledger.ts';
import type { Random } from '../random.ts';

const QUEUE = 'crash-returned';
const DEAD_LETTERS = `${QUEUE}.dlq`;
const BATCH_MAX = 10;
const LEASE_MS = 1_000;
const FEED_MS = 20;
const REPLAY_MS = 100;
const REST_MS_MAX = 60_000;
const DYING = 0.5;

export async function declareReplayLoad(namespaceUrl: string): Promise<void> {
  await put(`${namespaceUrl}/queues/${QUEUE}`, { lease_ms: LEASE_MS });
}

export function startReplayLoad(
  namespaceUrl: string,
  options: { name: string; random: Random; ledger: OnceLedger },
): Load {
  let isOver = false;
  const { ledger, name } = options;
  const path = `${namespaceUrl}/queues/${QUEUE}`;
  const feed = async (random: Random): Promise<void> => {
    for (let request = 0; !isOver; request++) {
      const ids = Array.from(
        { length: Math.ceil(random() * BATCH_MAX) },
        (_, n) => `${name}-${request}-${n}`,
      );
      for (const id of ids) ledger.sent(id);
      const messages = ids.map((id) => ({ body: id, properties: { message_id: id } }));
      const reply = await ask<QueuePublished>('POST', `${path}/messages`, { messages });
      if (reply?.status === 200) for (const id of ids) ledger.stored(id);
      await pause(FEED_MS);
    }
  };
  const consumer = async (random: Random): Promise<void> => {
    while (!isOver) if (!(await consume(path, ledger, () => random() < DYING))) await pause(RETRY_MS);
  };
  const replayer = async (): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      // Asked for by its name until there is an answer: the same request begins no second one.
      while (!isOver && !(await replay(path, `${name}-${n}`))) await pause(RETRY_MS);
      await pause(REPLAY_MS);
    }
  };
  const all = [feed(options.random.fork()), consumer(options.random.fork()), replayer()];
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(all);
    },
  };
}

/** Sends back and settles what is left. */
export async function settleReplayed(namespaceUrl: string, ledger: OnceLedger, name: string): Promise<void> {
  const path = `${namespaceUrl}/queues/${QUEUE}`;
  const endMs = Date.now() + REST_MS_MAX;
  for (let n = 0; ; n++) {
    if (await consume(path, ledger, () => false)) continue;
    const left = (await waiting(path)) + (await waiting(`${namespaceUrl}/queues/${DEAD_LETTERS}`));
    if (left === 0) return;
    if (Date.now() > endMs) throw new Error(`${left} messages stay in the queue or its dead letters`);
    await replay(path, `${name}-rest-${n}`);
    await pause(RETRY_MS);
  }
}

async function replay(path: string, id: string): Promise<boolean> {
  const reply = await ask<Replay>('POST', `${path}/dead-letters/replay`, { id });
  // There is no queue of dead letters before the first has died.
  return reply !== null && (reply.status < 300 || reply.status === 404);
}

async function waiting(path: string): Promise<number> {
  const reply = await ask<QueueWithStateReply>('GET', path);
  if (reply?.status === 404) return 0;
  if (reply?.status !== 200) return NaN;
  const { ready, leased, parked, outgoing } = reply.body.state;
  return ready + leased + parked + outgoing;
}

/** Takes a batch; those that have not died before may. False if there was nothing. */
async function consume(path: string, ledger: OnceLedger, isDying: () => boolean): Promise<boolean> {
  const askedMs = performance.now();
  const taken = await ask<Deliveries>('POST', `${path}/deliveries`, { max: 20 });
  if (taken?.status !== 200 || taken.body.deliveries.length === 0) return false;
  const ids = new Map<string, string>();
  const ack: string[] = [];
  const reject: { tag: string }[] = [];
  for (const { delivery_tag: tag, body } of taken.body.deliveries) {
    ledger.delivered(body as string, askedMs);
    ids.set(tag, body as string);
    if (isDying()) reject.push({ tag });
    else ack.push(tag);
  }
  const reply = await ask<SettledReply>('POST', `${path}/settlements`, { ack, reject });
  if (reply?.status !== 200) {
    for (const tag of ack) ledger.perhapsDone(ids.get(tag)!);
    return true;
  }
  const nowMs = performance.now();
  for (const { tag, outcome } of reply.body.results)
    if (outcome === 'settled') ledger.done(ids.get(tag)!, nowMs);
  return true;
}
