/**
 * `npm run fuzz -- [--minutes N] [--seed S] [--turns T] [--only codec|frames|http] [--json]`: sends random requests and
 * frames to a broker of its own, feeds random bytes to the codecs, and reports wrong answers (test/fuzz/). SIGINT ends it after
 * the current turn. The exit code is 1 if there are wrong answers.
 */

import { brokerOptions, fuzz, PARTS, type FuzzTotals, type Part } from '../test/fuzz/fuzz.ts';
import '../test/support/clients/short-keep-alive.ts';
import { TestBroker } from '../test/support/broker/test-broker.ts';
import { readOptions } from './command/options.ts';

const values = readOptions(import.meta.filename, {
  minutes: { type: 'string', default: '1' },
  seed: { type: 'string' },
  turns: { type: 'string' },
  only: { type: 'string' },
  json: { type: 'boolean', default: false },
});

const only = values.only as Part | undefined;
if (only !== undefined && !PARTS.includes(only)) {
  console.error(`--only takes ${PARTS.join(', ')}`);
  process.exit(2);
}
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(values.seed);
const turns = values.turns === undefined ? Infinity : Number(values.turns);
let endMs = Date.now() + Number(values.minutes) * 60_000;
process.once('SIGINT', () => (endMs = 0));
const say = (text: string): void => {
  if (!values.json) console.log(text);
};
say(`npm run fuzz -- --seed ${seed} --minutes ${values.minutes}${only ? ` --only ${only}` : ''}`);

const SAID_EVERY_MS = 30_000;
let saidMs = Date.now();
const logged = new Map<string, number>();
const broker = only === 'codec' ? null : await TestBroker.start(brokerOptions(logged));
let totals: FuzzTotals;
try {
  totals = await fuzz(broker, {
    seed,
    turns,
    ...(only && { only }),
    isOver: () => Date.now() > endMs,
    onWrong: (what) => say(`\n${what}`),
    onProgress: (done) => {
      if (Date.now() < saidMs + SAID_EVERY_MS) return;
      saidMs = Date.now();
      say(summaryOf(done));
    },
  });
} finally {
  await broker?.stop();
}
const { covered, uncovered, moved, wrong } = totals;
if (values.json) {
  console.log(JSON.stringify({ seed, ...totals, logged: Object.fromEntries(logged) }));
} else {
  const movers = Object.entries(moved).map(([mover, count]) => `${mover} ${count}`);
  if (movers.length > 0) console.log(`moved beside refused requests: ${movers.join(', ')}`);
  for (const [what, count] of logged) console.log(`logged ${count} times: ${what}`);
  if (only === undefined || only === 'http') {
    console.log(
      `answered with a success: ${covered.length} of ${covered.length + uncovered.length} operations`,
    );
    if (uncovered.length > 0) console.log(`never: ${uncovered.join(', ')}`);
  }
  console.log(summaryOf(totals));
}
process.exit(wrong.length === 0 ? 0 : 1);

function summaryOf(done: FuzzTotals): string {
  return (
    `${done.requests} requests, ${done.refused} refused, ${done.compared} values read again; ${done.frames} frames, ${done.beside} requests beside them; ` +
    `${done.codecCases} codec cases, ${done.codecAccepted} taken; ${done.wrong.length} wrong`
  );
}
