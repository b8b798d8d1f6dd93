/**
 * Comparison with peers: what a newcomer writes first (one awaited message), and what a busy program does (a window of messages), with
 * Node clients of the same machine, in turn. Contenders that are not installed are left out.
 */

import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { canRunKafka } from '../../scripts/peers/kafka.ts';
import { natsVersion } from '../../scripts/peers/nats.ts';
import { redisVersion } from '../../scripts/peers/redis.ts';
import { median, quantile } from '../runtime/client.ts';
import { bullmqContender } from './bullmq.ts';
import type { Contender, Running } from './contender.ts';
import { kafkaContender } from './kafka.ts';
import { natsContender } from './nats.ts';
import { posthornContender } from './posthorn.ts';
import { rabbitmqContender } from './rabbitmq.ts';

/** Calls of one contender before the next has its turn: all meet the same moods of the machine. */
const TURN = 20;

/** Calls of each before its times count: a broker runs for longer than V8 takes to compile what it does. */
const WARM_UP = 100 * TURN;

export interface PeersOptions {
  /** Awaited messages of each contender and kind. */
  awaited: number;
  /** Messages of a round through a queue. */
  messages: number;
  /** Records of a round through a log. */
  records: number;
  rounds: number;
}

export interface AwaitedTimes {
  name: string;
  p50Ms: number;
  p99Ms: number;
}

export interface Rates {
  name: string;
  /** A second, round by round. */
  rates: number[];
  median: number;
}

export interface PeersResult extends PeersOptions {
  contenders: { name: string; about: string }[];
  /** Of the machine before the first contender was started, over a minute. */
  load: number;
  publish: AwaitedTimes[];
  deliver: AwaitedTimes[];
  queue: Rates[];
  produce: Rates[];
  consume: Rates[];
}

type Started = [Contender, Running];

export async function benchPeers(
  options: PeersOptions,
  progress: (text: string) => void,
): Promise<PeersResult> {
  const load = loadavg()[0]!;
  const contenders = installed();
  const running: Started[] = [];
  try {
    for (const contender of contenders) {
      progress(`peers: starting ${contender.name}`);
      running.push([contender, await contender.start()]);
    }
    const publish = await awaitedTimes(running, 'publish', options.awaited, progress);
    const deliver = await awaitedTimes(running, 'deliver', options.awaited, progress);
    const [queue, produce, consume] = [new RateRounds(), new RateRounds(), new RateRounds()];
    const { messages, records } = options;
    for (let round = 0; round < options.rounds; round++) {
      for (const [{ name }, one] of round % 2 === 0 ? running : running.toReversed()) {
        progress(`peers: round ${round + 1} of ${options.rounds}, ${name}`);
        if (one.queue) await queue.time(name, messages, () => one.queue!(messages));
        if (!one.log) continue;
        await produce.time(name, records, () => one.log!.produce(records));
        await consume.time(name, records, () => one.log!.consume(records));
      }
    }
    return {
      ...options,
      contenders: contenders.map(({ name, about }) => ({ name, about })),
      load,
      publish,
      deliver,
      queue: queue.all(),
      produce: produce.all(),
      consume: consume.all(),
    };
  } finally {
    for (const [, one] of running) await one.stop().catch(() => {});
  }
}

function installed(): Contender[] {
  return [
    posthornContender,
    ...(existsSync('/usr/lib/rabbitmq/bin/rabbitmq-server') ? [rabbitmqContender] : []),
    ...(natsVersion() === null ? [] : [natsContender]),
    ...(canRunKafka() ? [kafkaContender] : []),
    ...(redisVersion() === null ? [] : [bullmqContender]),
  ];
}

async function awaitedTimes(
  running: readonly Started[],
  kind: 'publish' | 'deliver',
  count: number,
  progress: (text: string) => void,
): Promise<AwaitedTimes[]> {
  const times = new Map<string, number[]>(running.map(([{ name }]) => [name, []]));
  for (let done = -WARM_UP; done < count; done += TURN) {
    progress(`peers: ${kind}, ${Math.max(0, done)} of ${count}`);
    for (const [{ name }, one] of done % (2 * TURN) === 0 ? running : running.toReversed()) {
      for (let i = 0; i < TURN; i++) {
        const startMs = performance.now();
        await one[kind]();
        if (done >= 0) times.get(name)!.push(performance.now() - startMs);
      }
    }
  }
  return [...times].map(([name, all]) => ({
    name,
    p50Ms: round(quantile(all, 0.5)),
    p99Ms: round(quantile(all, 0.99)),
  }));
}

class RateRounds {
  readonly #rates = new Map<string, number[]>();

  async time(name: string, count: number, work: () => Promise<void>): Promise<void> {
    const startMs = performance.now();
    await work();
    const rate = Math.round((count * 1_000) / (performance.now() - startMs));
    this.#rates.set(name, [...(this.#rates.get(name) ?? []), rate]);
  }

  all(): Rates[] {
    return [...this.#rates].map(([name, rates]) => ({ name, rates, median: median(rates) }));
  }
}

const round = (ms: number): number => Number(ms.toFixed(2));
