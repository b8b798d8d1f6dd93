/**
 * Benchmark of processor time: what one call of each path costs the runtime, in µs of all its threads. Unlike a rate it compares
 * two states of the project on a machine that does other things too. Both brokers run at the same time, and take turns in
 * short slices.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker, type Broker } from '../../scripts/broker/broker.ts';
import { checkedOut } from '../before.ts';
import { Client, median, timed } from '../runtime/client.ts';
import type { Start } from '../runtime/runtime.ts';
import { declare, paths, type Path } from './paths.ts';

export interface ProcessorResult {
  /** The commit that was measured too; null: none. */
  before: string | null;
  /** µs a call, medians of the rounds. */
  paths: Record<string, { now: number; before?: number; ratio?: number }>;
}

interface Running {
  url: string;
  pid: number;
  stop: () => Promise<void>;
}

/**
 * @param ref a git commit that is measured too
 * @param isQuick a tenth of the calls, to see that it runs
 */
export async function benchProcessor(
  ref: string | null,
  rounds: number,
  isQuick: boolean,
  progress: (text: string) => void,
): Promise<ProcessorResult> {
  const old = ref === null ? null : await checkedOut(ref);
  const running: Record<string, Running> = { now: await run(startBroker) };
  if (old) running['before'] = await run(old.start);
  const results: ProcessorResult['paths'] = {};
  try {
    for (const { url } of Object.values(running)) await withClient(url, declare);
    for (const [name, path] of Object.entries(paths)) {
      const calls = isQuick ? path.calls / 10 : path.calls;
      progress(`processor time: ${name}`);
      const slices: Record<string, number[]> = { now: [], before: [] };
      for (const { url } of Object.values(running)) {
        if (path.prepare) await withClient(url, path.prepare);
      }
      // The first round warms up.
      for (let round = 0; round <= rounds; round++) {
        const names = Object.keys(running);
        for (const state of round % 2 === 0 ? names : names.toReversed()) {
          const cost = await slice(running[state]!, path, calls);
          if (round > 0) slices[state]!.push(cost);
        }
      }
      const now = median(slices['now']!);
      if (!old) results[name] = { now };
      else {
        const ratio = median(slices['now']!.map((each, index) => each / slices['before']![index]!));
        results[name] = { now, before: median(slices['before']!), ratio };
      }
    }
  } finally {
    for (const { stop } of Object.values(running)) await stop();
  }
  return { before: old?.commit ?? null, paths: results };
}

export function printProcessor({ before, paths: all }: ProcessorResult): void {
  console.log(
    `\nProcessor time of the runtime, µs a call${before === null ? '' : `, and at ${before.slice(0, 12)}`}`,
  );
  console.table(
    Object.fromEntries(
      Object.entries(all).map(([name, figures]) => [
        name,
        Object.fromEntries(
          Object.entries(figures).map(([state, value]) => [state, Number((value as number).toPrecision(3))]),
        ),
      ]),
    ),
  );
}

/** Returns the µs a call. */
async function slice({ url, pid }: Running, path: Path, calls: number): Promise<number> {
  const beforeUs = processorUs(pid);
  await withClient(url, (client) => timed(calls, path.atOnce, (index) => path.call(client, index)));
  return (processorUs(pid) - beforeUs) / calls;
}

/** With connections of its own: a broker closes those on which nothing comes for some seconds. */
async function withClient(url: string, act: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(url);
  try {
    await act(client);
  } finally {
    client.close();
  }
}

async function run(start: Start): Promise<Running> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const broker = await start({ dataPath });
  const stop = async (): Promise<void> => {
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  };
  return { url: broker.url, pid: (broker as Broker).workerdPid!, stop };
}

/** The processor time of all threads that a process has, in µs. Linux only. */
function processorUs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, each) => sum + each, 0) / 1_000;
}
