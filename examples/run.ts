/**
 * `npm run example -- NAME`: runs an example against a broker of its own, whose data is removed at the end, or against the
 * broker of POSTHORN_URL.
 *
 * Exit code 0 if all that the example claims holds, 1 if not, 130 after Ctrl-C.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../scripts/broker.ts';
import type { ExampleContext } from './example.ts';
import { newsletter } from './newsletter/newsletter.ts';
import { orders } from './orders/orders.ts';
import { poisonPill } from './poison-pill/poison-pill.ts';
import { shop } from './worker/shop.ts';

const EXAMPLES: Record<string, (context: ExampleContext) => Promise<boolean>> = {
  orders,
  newsletter,
  'poison-pill': poisonPill,
  worker: shop,
};

const stop = new AbortController();
const [name = ''] = process.argv.slice(2);
const example = EXAMPLES[name];

if (example) {
  process.exitCode = await runExample(example);
} else {
  console.error(`usage: npm run example -- ${Object.keys(EXAMPLES).join(' | ')}`);
  process.exitCode = 2;
}

async function runExample(run: (context: ExampleContext) => Promise<boolean>): Promise<number> {
  try {
    const holds = await withBroker((url) => run({ url, say, progress, signal: stop.signal }));
    return holds ? 0 : 1;
  } catch (error) {
    console.error(stop.signal.aborted ? 'stopped' : error);
    return stop.signal.aborted ? 130 : 1;
  }
}

async function withBroker<Result>(use: (url: string) => Promise<Result>): Promise<Result> {
  const given = process.env['POSTHORN_URL'];
  if (given) return await use(given);
  say('Starting a broker ...');
  const dataPath = mkdtempSync(join(tmpdir(), 'posthorn-example-'));
  process.once('exit', () => rmSync(dataPath, { recursive: true, force: true }));
  const broker = await startBroker({ dataPath });
  stopOnSignals();
  try {
    return await use(broker.url);
  } finally {
    await broker.stop();
  }
}

/** Ctrl-C ends what is under way and cleans up; a second one ends the process. */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal); // Miniflare's own handler would end the process before the data is removed.
    process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
  }
}

function say(line: string): void {
  clearProgress();
  console.log(line);
}

function progress(line: string): void {
  if (!process.stdout.isTTY) return;
  clearProgress();
  process.stdout.write(line);
}

function clearProgress(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
}
