/** `posthorn bench`: a small load of its own topic and queue, with the rates and the latencies that this client sees. */

import type { Posthorn } from '../../posthorn.ts';
import type { Command, Context } from '../command.ts';
import { Failure } from '../failure.ts';
import { Progress } from '../output/progress.ts';

/** Sends that wait for their confirmation at the same time. */
const UNCONFIRMED = 1_000;

export const benchCommand: Command = {
  words: ['bench'],
  about: 'Measure how fast this broker takes and gives records and messages, as seen from here',
  load: () => ({
    args: [],
    flags: [
      { name: 'count', kind: 'number', min: 1, about: 'Records, and messages, of each rate. Default 20000' },
      { name: 'bytes', kind: 'number', min: 1, about: 'Of each value and body. Default 100' },
      {
        name: 'awaited',
        kind: 'number',
        min: 1,
        about: 'Messages that are sent one after another, each awaited. Default 200',
      },
    ],
    notes: [
      'It makes a topic and a queue of its own and deletes both at the end. All of it counts for quotas, cost, and the bill.',
      'The client is this process: rates are those of one producer and one consumer with the defaults of the SDK.',
    ],
    run: bench,
  }),
};

interface Rate {
  count: number;
  seconds: number;
  per_second: number;
}

interface Latency {
  count: number;
  p50_ms: number;
  p99_ms: number;
  max_ms: number;
}

/** What the bench prints as JSON. */
interface BenchResult {
  url: string;
  bytes: number;
  produce: Rate;
  fetch: Rate;
  publish: Rate;
  consume: Rate;
  /** From the call to the confirmation, one message at a time. */
  publish_awaited: Latency;
  /** From the call to the handler of a consumer that waits. */
  delivery: Latency;
}

async function bench(context: Context): Promise<void> {
  const { flag, printer, signal } = context;
  const { posthorn, target } = context.connect();
  const count = flag<number>('count') ?? 20_000;
  const bytes = flag<number>('bytes') ?? 100;
  const awaited = flag<number>('awaited') ?? 200;
  const name = `posthorn-bench-${crypto.randomUUID().slice(0, 8)}`;
  const progress = new Progress(printer, 'records and messages');
  const body = 'x'.repeat(Math.max(0, bytes - 2)); // a JSON string has two quotes
  let done = 0;
  const load: Load = {
    posthorn,
    name,
    count,
    body,
    signal,
    tick: () => {
      done += 1;
      if (done % 100 === 0) progress.update(done, 4 * count + awaited);
    },
  };
  try {
    const result: BenchResult = {
      url: target.url,
      bytes,
      ...(await benchTopic(load)),
      ...(await benchQueue(load, awaited)),
    };
    await progress.clear();
    await printer.result(result, textOf(result));
  } catch (error) {
    await progress.clear();
    if (signal.aborted)
      throw new Failure('interrupted', 'the bench was stopped; nothing was measured', { cause: error });
    throw error;
  } finally {
    await cleanUp(context, posthorn, name);
  }
}

interface Load {
  posthorn: Posthorn;
  name: string;
  count: number;
  body: string;
  signal: AbortSignal;
  /** Something was confirmed, or has come. */
  tick: () => void;
}

async function benchTopic(load: Load): Promise<Pick<BenchResult, 'produce' | 'fetch'>> {
  const { posthorn, name, count, body, signal, tick } = load;
  await posthorn.topics.declare(name, { partitions: 1 }, { signal });
  const producer = posthorn.producer({ signal });
  const produce = await rateOf(count, () => sendMany(load, () => producer.send(name, { value: body })));
  await producer.close();
  const fetched = await rateOf(count, async () => {
    for await (const _ of posthorn.reader(name, { from: 'earliest', follow: false, signal })) tick();
  });
  return { produce, fetch: fetched };
}

async function benchQueue(
  load: Load,
  awaited: number,
): Promise<Pick<BenchResult, 'publish' | 'consume' | 'publish_awaited' | 'delivery'>> {
  const { posthorn, name, count, body, signal, tick } = load;
  await posthorn.queues.declare(name, { deadLetter: 'none' }, { signal });
  const publisher = posthorn.publisher({ signal });
  const publish = await rateOf(count, () => sendMany(load, () => publisher.sendToQueue(name, { body })));
  const consume = await rateOf(count, async () => {
    let left = count;
    const all = Promise.withResolvers<void>();
    const consumer = posthorn.consumer(
      name,
      async () => {
        tick();
        if (--left === 0) all.resolve();
      },
      { prefetch: UNCONFIRMED, concurrency: UNCONFIRMED, signal },
    );
    await Promise.race([all.promise, consumer.done]);
    await consumer.stop();
  });
  const confirmed: number[] = [];
  const delivered: number[] = [];
  const arrivals: PromiseWithResolvers<void>[] = [];
  const began: number[] = [];
  const waiting = posthorn.consumer(
    name,
    async (message) => {
      const nth = (message.json() as { nth: number }).nth;
      delivered.push(performance.now() - began[nth]!);
      arrivals[nth]!.resolve();
    },
    { signal },
  );
  const ended = waiting.done.then(() => signal.throwIfAborted());
  for (let nth = 0; nth < awaited; nth++) {
    arrivals.push(Promise.withResolvers<void>());
    began.push(performance.now());
    await publisher.sendToQueue(name, { body: { nth, body } });
    confirmed.push(performance.now() - began[nth]!);
    await Promise.race([arrivals[nth]!.promise, ended]);
    tick();
  }
  await waiting.stop();
  await publisher.close();
  return { publish, consume, publish_awaited: latencyOf(confirmed), delivery: latencyOf(delivered) };
}

/** Sends so many, with a bounded number of them unconfirmed. */
async function sendMany({ count, signal, tick }: Load, send: () => Promise<unknown>): Promise<void> {
  const sent: Promise<void>[] = [];
  for (let nth = 0; nth < count; nth++) {
    signal.throwIfAborted();
    const confirmed = send().then(tick);
    confirmed.catch(() => {}); // told below
    sent.push(confirmed);
    if (nth >= UNCONFIRMED) await sent[nth - UNCONFIRMED];
  }
  await Promise.all(sent);
}

async function rateOf(count: number, work: () => Promise<void>): Promise<Rate> {
  const beganMs = performance.now();
  await work();
  const seconds = (performance.now() - beganMs) / 1_000;
  return { count, seconds: rounded(seconds, 3), per_second: Math.round(count / seconds) };
}

export function latencyOf(values: readonly number[]): Latency {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.ceil(share * sorted.length) - 1] ?? 0, 2);
  return { count: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

function textOf(result: BenchResult): string[] {
  const {
    url,
    bytes,
    produce,
    fetch: fetched,
    publish,
    consume,
    publish_awaited: awaited,
    delivery,
  } = result;
  const rate = (what: string, { count, per_second: perSecond, seconds }: Rate): string =>
    `${what.padEnd(34)} ${perSecond.toLocaleString('en').padStart(10)} a second   (${count} in ${seconds} s)`;
  const latency = (what: string, { count, p50_ms: p50, p99_ms: p99 }: Latency): string =>
    `${what.padEnd(34)} ${String(p50).padStart(10)} ms p50, ${p99} ms p99   (${count})`;
  return [
    `${url}, ${bytes} bytes each, one client with the defaults of the SDK`,
    rate('produce records, confirmed', produce),
    rate('fetch records', fetched),
    rate('publish messages, confirmed', publish),
    rate('consume and acknowledge messages', consume),
    latency('publish one, awaited', awaited),
    latency('publish one until it is delivered', delivery),
  ];
}

/** Deletes what the bench has made, also after Ctrl-C. */
async function cleanUp({ printer }: Context, { topics, queues }: Posthorn, name: string): Promise<void> {
  for (const kind of [topics, queues]) {
    try {
      await kind.delete(name);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === 'topic_not_found' || code === 'queue_not_found') continue;
      await printer.warn(`${name} could not be deleted: ${message}`);
    }
  }
}
