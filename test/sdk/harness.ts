/** A broker for a test file, clients of it, and a `fetch` that sees and spoils requests. */

import { afterAll, beforeAll } from 'vitest';
import { Posthorn, type PosthornError, type PosthornOptions, type ReceivedRecord } from '../../sdk/index.ts';
import { TestBroker, type TestOptions } from '../support/broker/test-broker.ts';

export interface BrokerForTests {
  readonly url: string;
  client(options?: Partial<PosthornOptions>): Posthorn;
  /** A topic of its own for each test. */
  topic(partitions?: number, fields?: Parameters<Posthorn['topics']['declare']>[1]): Promise<string>;
  /** A queue of its own for each test. */
  queue(fields?: Parameters<Posthorn['queues']['declare']>[1]): Promise<string>;
}

/** Retries at once, so that tests need not wait. */
export const FAST_RETRY = { baseMs: 1, maxMs: 4 };

/** For names. */
let topics = 0;

export function brokerForTests(options: TestOptions = {}): BrokerForTests {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start(options);
  });
  afterAll(() => broker.stop());
  const client = (fields: Partial<PosthornOptions> = {}): Posthorn =>
    new Posthorn({ url: broker.url, retry: FAST_RETRY, ...fields });
  return {
    get url() {
      return broker.url;
    },
    client,
    topic: async (partitions = 1, fields = {}) => {
      const name = `topic-${++topics}`;
      await client().topics.declare(name, { partitions, ...fields });
      return name;
    },
    queue: async (fields = {}) => {
      const name = `queue-${++topics}`;
      await client().queues.declare(name, fields);
      return name;
    },
  };
}

export interface SeenRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  bytes: number;
  /** Of a produce request. */
  partitions: number[];
  signal: AbortSignal;
}

/** What happens to a request: undefined lets it pass. */
export type Spoiler = (
  request: SeenRequest,
  pass: () => Promise<Response>,
) => Promise<Response> | Response | undefined;

export interface SpoiledFetch {
  fetch: PosthornOptions['fetch'] & {};
  requests: SeenRequest[];
  /** Those that spoilers are for. */
  produced: SeenRequest[];
  /** Lets a later request pass through this, for every request. */
  onEach: (spoiler: Spoiler) => void;
}

/** A `fetch` that keeps what it saw; spoilers are asked in turn, each for one produce request. */
export function spoiledFetch(...spoilers: Spoiler[]): SpoiledFetch {
  return spoiledFetchOf(/\/records$/, ...spoilers);
}

/** @param path spoilers are for POST requests to it */
export function spoiledFetchOf(path: RegExp, ...spoilers: Spoiler[]): SpoiledFetch {
  const requests: SeenRequest[] = [];
  const produced: SeenRequest[] = [];
  let each: Spoiler = () => undefined;
  return {
    requests,
    produced,
    onEach: (spoiler) => (each = spoiler),
    fetch: async (url, init) => {
      const seen: SeenRequest = {
        method: init.method!,
        url: new URL(url.replace(/\/in\/\w+(?=\/v1\/)/, '')),
        headers: init.headers as Record<string, string>,
        bytes: (init.body as Uint8Array | undefined)?.length ?? 0,
        partitions: [],
        signal: init.signal!,
      };
      requests.push(seen);
      let spoiler = each;
      if (seen.method === 'POST' && path.test(seen.url.pathname)) {
        seen.partitions = (seen.url.searchParams.get('partitions') ?? '').split(',').map(Number);
        produced.push(seen);
        spoiler = spoilers.shift() ?? each;
      }
      const pass = (): Promise<Response> => fetch(url, init);
      return (await spoiler(seen, pass)) ?? (await pass());
    },
  };
}

export const dropRequest: Spoiler = () => Promise.reject(new TypeError('connection refused'));

export const isProduce = ({ method, url }: SeenRequest): boolean =>
  method === 'POST' && url.pathname.endsWith('/records');

/** The broker carries it out, and the client never hears of it. */
export const dropReply: Spoiler = async (_request, pass) => {
  await (await pass()).arrayBuffer();
  throw new TypeError('connection reset');
};

export const answer =
  (status: number, headers: Record<string, string> = {}, problem?: object): Spoiler =>
  () =>
    new Response(problem ? JSON.stringify({ status, ...problem }) : 'a proxy says no', { status, headers });

export async function readAll(
  posthorn: Posthorn,
  topic: string,
  options: Parameters<Posthorn['reader']>[1] = {},
): Promise<ReceivedRecord[]> {
  return await collect(posthorn.reader(topic, { follow: false, ...options }));
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function errorOf(promise: Promise<unknown>): Promise<PosthornError> {
  try {
    await promise;
  } catch (error) {
    return error as PosthornError;
  }
  throw new Error('it succeeded');
}

export const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** Waits for what the broker or a handler will do soon. Ends when the test that waits is over by its own limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('it did not happen within the time of the test');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
