/**
 * Benchmark of a cold start: a new runtime loads the worker and answers its first request, beside an empty worker with the same
 * classes in the same runtime. The processor time of the runtime is what an isolate costs that wakes; the difference of both is
 * what loading the worker adds.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { startBroker } from '../scripts/broker/broker.ts';
import { bundleWorker } from '../scripts/broker/bundle.ts';
import { Client, median } from './runtime/client.ts';

const ROOT = join(import.meta.dirname, '..');

/** A clock tick of the kernel in ms, as `/proc` counts processor time. */
const TICK_MS = 10;

interface ColdRow {
  /** From the start of the runtime to the reply to `GET /healthz`. */
  replyMs: number;
  /** Processor time of the runtime until then; null where there is no `/proc`. */
  cpuMs: number | null;
  /** The second request: the worker is loaded. */
  warmMs: number;
}

export interface ColdResult {
  bundleBytes: number;
  rounds: { posthorn: ColdRow; empty: ColdRow }[];
  /** Medians of the differences. */
  addedReplyMs: number;
  addedCpuMs: number | null;
}

export async function benchCold(rounds: number, progress: (text: string) => void): Promise<ColdResult> {
  const posthorn = await bundleWorker('workers/index.ts', { minify: true });
  const empty = await emptyWorker();
  const raw: ColdResult['rounds'] = [];
  for (let round = 0; round < rounds; round++) {
    progress(`cold start: round ${round + 1} of ${rounds}`);
    if (round % 2 === 0) {
      raw.push({ posthorn: await startOnce(posthorn), empty: await startOnce(empty) });
    } else {
      const emptyRow = await startOnce(empty);
      raw.push({ posthorn: await startOnce(posthorn), empty: emptyRow });
    }
  }
  const hasCpu = raw.every((row) => row.posthorn.cpuMs !== null && row.empty.cpuMs !== null);
  return {
    bundleBytes: Buffer.byteLength(posthorn),
    rounds: raw,
    addedReplyMs: median(raw.map((row) => row.posthorn.replyMs - row.empty.replyMs)),
    addedCpuMs: hasCpu ? median(raw.map((row) => row.posthorn.cpuMs! - row.empty.cpuMs!)) : null,
  };
}

export function printCold({ bundleBytes, rounds, addedReplyMs, addedCpuMs }: ColdResult): void {
  console.log(
    `\nFirst request of a cold isolate, a worker of ${bundleBytes.toLocaleString('en')} bytes, in ms`,
  );
  console.table(
    rounds.map(({ posthorn, empty }) => ({
      'posthorn reply': Math.round(posthorn.replyMs),
      'empty reply': Math.round(empty.replyMs),
      'posthorn cpu': posthorn.cpuMs,
      'empty cpu': empty.cpuMs,
      'posthorn warm': posthorn.warmMs.toFixed(2),
      'empty warm': empty.warmMs.toFixed(2),
    })),
  );
  console.log(
    `loading the worker adds ${addedReplyMs.toFixed(0)} ms, ${addedCpuMs ?? '?'} ms of processor time (medians)`,
  );
}

async function startOnce(script: string): Promise<ColdRow> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-cold-'));
  const startMs = performance.now();
  const broker = await startBroker({ dataPath, script });
  const client = new Client(broker.url);
  try {
    await client.send('GET', '/healthz');
    const replyMs = performance.now() - startMs;
    const cpuMs = await cpuMsOf(broker.workerdPid);
    const secondMs = performance.now();
    await client.send('GET', '/healthz');
    return { replyMs, cpuMs, warmMs: performance.now() - secondMs };
  } finally {
    client.close();
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
  }
}

async function emptyWorker(): Promise<string> {
  const config = parse(await readFile(join(ROOT, 'wrangler.toml'), 'utf8')) as unknown as {
    durable_objects: { bindings: { class_name: string }[] };
  };
  const names = config.durable_objects.bindings.map(({ class_name: name }) => name);
  return [
    `import { DurableObject } from 'cloudflare:workers';`,
    ...names.map((name) => `export class ${name} extends DurableObject {}`),
    `export default { fetch: () => new Response('ok'), scheduled() {} };`,
  ].join('\n');
}

async function cpuMsOf(pid: number | undefined): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // Behind the name, which may hold spaces: fields 14 and 15 of the line.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
