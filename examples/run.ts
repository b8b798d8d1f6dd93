/**
 * `npm run example -- NAME`: runs an example against a broker of its own, whose data is removed at the end, or against the
 * broker of POSTHORN_URL, which may ask for the token in POSTHORN_TOKEN.
 *
 * Exit code 0 if all that the example claims holds, 1 if not, 130 after Ctrl-C.
 */

import { withBroker } from '../scripts/broker/own-broker.ts';
import type { ExampleContext } from './example.ts';
import { images } from './images/images.ts';
import { newsletter } from './newsletter/newsletter.ts';
import { orders } from './orders/orders.ts';
import { poisonPill } from './poison-pill/poison-pill.ts';
import { postgres } from './postgres/postgres.ts';
import { pipeline } from './subscriber/subscriber.ts';
import { webhook } from './webhook/webhook.ts';
import { shop } from './worker/shop.ts';

const EXAMPLES: Record<string, (context: ExampleContext) => Promise<boolean>> = {
  orders,
  newsletter,
  'poison-pill': poisonPill,
  images: (context) => images(context),
  subscriber: (context) => pipeline(context),
  webhook: (context) => webhook(context),
  postgres: (context) => postgres(context),
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
    const holds = await withBroker('posthorn-example-', stop, say, (broker) =>
      run({ broker, say, progress, signal: stop.signal }),
    );
    return holds ? 0 : 1;
  } catch (error) {
    console.error(stop.signal.aborted ? 'stopped' : error);
    return stop.signal.aborted ? 130 : 1;
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
