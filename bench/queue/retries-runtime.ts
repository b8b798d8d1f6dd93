/**
 * Benchmark of retries in the real runtime: rows written for each of very many failing messages, and the heap of the
 * isolate. They fail in batches with growing delays, so that they come back at different times, and die when they have
 * failed again.
 *
 * The router, the topology and all queues of the broker share the isolate, so the figure is above that of the queue alone.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Deliveries } from '../../protocol/schemas/deliveries.ts';
import type { QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Inspector } from '../runtime/inspector.ts';

const BATCH = 1_000;
const QUEUE = '/v1/default/queues/failing';
const BODY = 'x'.repeat(98); // 100 bytes as JSON

export interface FailingResult {
  messages: number;
  /** Alive after a collection, array buffers included, in MB. */
  heapMb: { empty: number; published: number; parked: number; back: number; dead: number };
  /** The highest of all looks, which are made once in ten batches after a collection. */
  heapPeakMb: number;
  /** Of the queue's own meter, for each message; alarms are among them. */
  rowsPerMessage: { publish: number; park: number; comeBackAndDie: number };
  deadLetters: number;
}

export async function benchFailing(
  messages: number,
  progress: (text: string) => void,
): Promise<FailingResult> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const broker = await startBroker({ dataPath, inspectorPort: 0 });
  const call = async <Body>(method: string, path: string, body?: unknown): Promise<Body> => {
    const response = await fetch(`${broker.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Body;
  };
  const stateOf = async (path = QUEUE): Promise<QueueWithStateReply['state']> =>
    (await call<QueueWithStateReply>('GET', path)).state;
  let inspector: Inspector | null = null;
  // One that leaves memory begins to count anew.
  const awake = setInterval(() => void stateOf().catch(() => {}), 3_000);
  try {
    await call('PUT', QUEUE, { retry: { schedule_ms: [1_000] } });
    inspector = await Inspector.open(await broker.miniflare.getInspectorURL(), () => stateOf());
    let heapPeakMb = 0;
    const heap = async (): Promise<number> => {
      const mb = await inspector!.heapMb();
      heapPeakMb = Math.max(heapPeakMb, mb);
      return mb;
    };
    const rows = async (): Promise<number> => (await stateOf()).meter.rows_written;

    const heapMb = { empty: await heap(), published: 0, parked: 0, back: 0, dead: 0 };
    const rowsAt = [await rows()];
    for (let sent = 0; sent < messages; sent += BATCH) {
      await call('POST', `${QUEUE}/messages`, {
        messages: Array.from({ length: BATCH }, () => ({ body: BODY })),
      });
    }
    heapMb.published = await heap();
    rowsAt.push(await rows());

    const failAll = async (what: string, delay: (batch: number) => object): Promise<void> => {
      for (let failed = 0, batch = 0; failed < messages; batch++) {
        const { deliveries } = await call<Deliveries>('POST', `${QUEUE}/deliveries`, {
          max: BATCH,
          wait_ms: 60_000,
        });
        if (deliveries.length === 0) throw new Error(`${what}: ${failed} of ${messages} messages came`);
        const nack = deliveries.map(({ delivery_tag: tag }) => ({
          tag,
          error: { type: 'TypeError', message: 'x is not a function', stack_trace: 'at handler (a.js:1)' },
          ...delay(batch),
        }));
        await call('POST', `${QUEUE}/settlements`, { nack });
        failed += deliveries.length;
        if (batch % 10 === 0) {
          progress(`${what}: ${failed} of ${messages}`);
          await heap();
        }
      }
    };
    // None comes back before the last has failed: 0.25 ms for each is a generous guess. Each batch has a time of its own.
    const untilMs = Date.now() + 10_000 + messages * 0.25;
    await failAll('failing', (batch) => ({ delay_ms: Math.max(1_000, untilMs - Date.now() + batch * 50) }));
    const parked = await stateOf();
    if (parked.parked < messages / 2) throw new Error(`only ${parked.parked} messages are parked together`);
    heapMb.parked = await heap();
    rowsAt.push(await rows());
    await failAll('dying', () => ({}));
    heapMb.back = await heap();
    for (;;) {
      const { outgoing } = await stateOf();
      if (outgoing === 0) break;
      await heap();
    }
    heapMb.dead = await heap();
    rowsAt.push(await rows());
    const per = (from: number): number => Number(((rowsAt[from + 1]! - rowsAt[from]!) / messages).toFixed(4));
    return {
      messages,
      heapMb,
      heapPeakMb,
      rowsPerMessage: { publish: per(0), park: per(1), comeBackAndDie: per(2) },
      deadLetters: (await stateOf(`${QUEUE}.dlq`)).ready,
    };
  } finally {
    clearInterval(awake);
    inspector?.close();
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

export function printFailing({
  messages,
  heapMb,
  heapPeakMb,
  rowsPerMessage,
  deadLetters,
}: FailingResult): void {
  console.log(
    `\n${messages.toLocaleString('en')} messages that fail, come back and die: ${deadLetters} dead letters`,
  );
  console.log('heap of the isolate after a collection, MB:', heapMb, 'highest look:', heapPeakMb);
  console.log('rows written per message:', rowsPerMessage);
}
