/**
 * Benchmark of one awaited message: the time from the call to its confirmation, and to a consumer or reader that waits. Once
 * through the SDK, by a socket and by requests, and once by plain requests on kept connections. Beside them stands the floor of the same
 * machine: a request that does nothing, and a bare object that stores the same bytes.
 */

import { RECORD_BATCH_TYPE } from '../protocol/headers/media-types.ts';
import { encodeBatch } from '../protocol/record-batch/index.ts';
import type { FetchReply } from '../protocol/schemas/records.ts';
import { Posthorn } from '../sdk/index.ts';
import { Arrival } from './runtime/arrival.ts';
import { quantile, timed, type Client } from './runtime/client.ts';
import { withRuntime } from './runtime/runtime.ts';

const MESSAGE_BYTES = 100;

/** Calls of one way before the next has its turn: all meet the same moods of the machine. */
const TURN = 20;

/** Calls of each way before its times count. */
const WARM_UP = 2 * TURN;

/** Messages after which the stream of plain requests gets its next settlement. */
const SETTLE_EVERY = 10;

export interface AwaitedRow {
  way: string;
  p50Ms: number;
  p99Ms: number;
  /** Medians, over that of a bare object. */
  overBare: number;
}

export interface AwaitedResult {
  messages: number;
  rows: AwaitedRow[];
}

/** One message. @returns its times in ms, by what has happened */
type Way = () => Promise<Record<string, number>>;

export async function benchAwaited(
  messages: number,
  progress: (text: string) => void,
): Promise<AwaitedResult> {
  const times = new Map<string, number[]>();
  await withRuntime('bare', (bare) =>
    withRuntime('posthorn', async (client) => {
      const { ways, stop } = await waysOf(client, bare);
      for (let done = -WARM_UP; done < messages; done += TURN) {
        progress(`awaited: ${Math.max(0, done)} of ${messages}`);
        for (const way of done % (2 * TURN) === 0 ? ways : ways.toReversed()) {
          for (let i = 0; i < TURN; i++) {
            for (const [name, ms] of Object.entries(await way())) {
              if (done >= 0) times.set(name, [...(times.get(name) ?? []), ms]);
            }
          }
        }
      }
      await stop();
    }),
  );
  const floorMs = quantile(times.get('bare object, plain request')!, 0.5);
  const rows = [...times].map(([way, all]) => ({
    way,
    p50Ms: round(quantile(all, 0.5)),
    p99Ms: round(quantile(all, 0.99)),
    overBare: round(quantile(all, 0.5) / floorMs),
  }));
  return { messages, rows: rows.sort((a, b) => (a.way < b.way ? -1 : 1)) };
}

export function printAwaited({ messages, rows }: AwaitedResult): void {
  console.log(`\nOne awaited message of ${MESSAGE_BYTES} B, ${messages} of each, in ms`);
  console.table(rows);
}

async function waysOf(client: Client, bare: Client): Promise<{ ways: Way[]; stop: () => Promise<void> }> {
  const posthorn = new Posthorn({ url: client.url });
  const names = ['alone', 'alone-requests', 'alone-plain', 'met', 'met-requests', 'met-plain'];
  for (const name of names) {
    await posthorn.queues.declare(name);
    await posthorn.topics.declare(name);
  }
  const publisher = posthorn.publisher({ connection: 'socket' });
  const producer = posthorn.producer({ connection: 'socket' });
  const publisherByRequests = posthorn.publisher({ connection: 'requests' });
  const producerByRequests = posthorn.producer({ connection: 'requests' });
  const value = new TextEncoder().encode('abcdefghij'.repeat(MESSAGE_BYTES / 10));
  const batch = encodeBatch([{ key: null, value, timestamp: Date.now() }]);
  const asBatch = { 'content-type': RECORD_BATCH_TYPE };
  const publish = (queue: string): Promise<unknown> =>
    client.send('POST', `/v1/default/queues/${queue}/messages`, batch, asBatch);
  const produce = (topic: string): Promise<unknown> =>
    client.send('POST', `/v1/default/topics/${topic}/records?partitions=0`, batch, asBatch);

  const arrivals = {
    queue: new Arrival(),
    queueByRequests: new Arrival(),
    stream: new Arrival(),
    reader: new Arrival(),
    poll: new Arrival(),
  };
  const consumer = posthorn.consumer('met', () => arrivals.queue.note());
  const other = posthorn.consumer('met-requests', () => arrivals.queueByRequests.note());
  const over = new AbortController();
  const reader = posthorn.reader('met', { signal: over.signal });
  const reading = (async () => {
    for await (const _ of reader) arrivals.reader.note();
  })().catch(unlessOver);
  function unlessOver(error: unknown): void {
    if (!over.signal.aborted) throw error;
  }
  const stream = await openStream(client, 'met-plain', arrivals.stream);
  const polling = (async () => {
    for (let offset = 0; !over.signal.aborted;) {
      const path = `/v1/default/topics/met-plain/partitions/0/records?offset=${offset}&wait_ms=500`;
      const { next_offset: next } = JSON.parse(
        (await client.send('GET', path)).body.toString(),
      ) as FetchReply;
      if (next > offset) arrivals.poll.note();
      offset = next;
    }
  })();
  const ways: Way[] = [
    alone('nothing (GET /healthz), plain request', () => client.send('GET', '/healthz')),
    alone('bare object, plain request', () => bare.send('POST', '/', batch)),
    alone('publish, SDK by a socket: confirmed', () => publisher.sendToQueue('alone', { body: value })),
    alone('publish, SDK by requests: confirmed', () =>
      publisherByRequests.sendToQueue('alone-requests', { body: value }),
    ),
    alone('publish, plain request: confirmed', () => publish('alone-plain')),
    alone('produce, SDK by a socket: confirmed', () => producer.send('alone', { value })),
    alone('produce, SDK by requests: confirmed', () => producerByRequests.send('alone-requests', { value })),
    alone('produce, plain request: confirmed', () => produce('alone-plain')),
    met('publish to a waiting consumer, SDK by a socket', arrivals.queue, () =>
      publisher.sendToQueue('met', { body: value }),
    ),
    met('publish to a waiting consumer, SDK by requests', arrivals.queueByRequests, () =>
      publisherByRequests.sendToQueue('met-requests', { body: value }),
    ),
    met('publish to a waiting stream, plain', arrivals.stream, () => publish('met-plain')),
    met('produce to a waiting reader, SDK by a socket', arrivals.reader, () =>
      producer.send('met', { value }),
    ),
    met('produce to a waiting poll, plain', arrivals.poll, () => produce('met-plain')),
  ];
  const stop = async (): Promise<void> => {
    over.abort();
    stream.close();
    await Promise.all([consumer.stop(), other.stop(), reading, polling]);
    await Promise.all(
      [publisher, producer, publisherByRequests, producerByRequests].map((one) => one.close()),
    );
  };
  return { ways, stop };
}

function alone(name: string, call: () => Promise<unknown>): Way {
  return async () => ({ [name]: (await timed(1, 1, call)) * 1_000 });
}

function met(name: string, arrival: Arrival, call: () => Promise<unknown>): Way {
  return async () => {
    const arrived = arrival.next();
    const startMs = performance.now();
    await call();
    const confirmedMs = performance.now() - startMs;
    return { [`${name}: confirmed`]: confirmedMs, [`${name}: there`]: (await arrived) - startMs };
  };
}

/** A stream of text that settles some messages at once. */
async function openStream(client: Client, queue: string, arrival: Arrival): Promise<WebSocket> {
  const url = `${client.url.replace(/^http/, 'ws')}/v1/default/queues/${queue}/stream?prefetch=1000`;
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('the stream did not open')));
  });
  let tags: string[] = [];
  socket.addEventListener('message', ({ data }) => {
    const { deliveries } = JSON.parse(data as string) as { deliveries?: { tag: string }[] };
    if (deliveries === undefined) return;
    arrival.note();
    tags.push(...deliveries.map(({ tag }) => tag));
    if (tags.length < SETTLE_EVERY) return;
    socket.send(JSON.stringify({ ack: tags }));
    tags = [];
  });
  return socket;
}

const round = (value: number): number => Number(value.toFixed(3));
