/**
 * `npm run fuzz -- [--minutes N] [--seed S] [--requests R]`: sends drawn requests and frames to a broker of its own, and says
 * what is wrong with the answers (test/fuzz/). Ends with 1 where something is.
 */

import { parseArgs } from 'node:util';
import { fuzz } from '../test/fuzz/fuzz.ts';
import { TestBroker } from '../test/support/test-broker.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    requests: { type: 'string' },
  },
});

const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(values.seed);
const requests = values.requests === undefined ? Infinity : Number(values.requests);
const endMs = Date.now() + Number(values.minutes) * 60_000;
console.log(`npm run fuzz -- --seed ${seed} --minutes ${values.minutes}`);

const broker = await TestBroker.start();
let totals;
try {
  totals = await fuzz(broker, {
    seed,
    requests,
    isOver: () => Date.now() > endMs,
    onProgress: (done) => {
      if (done.requests % 1_000 === 0)
        console.log(`${done.requests} requests, ${done.refused} refused, ${done.frames} frames`);
    },
  });
} finally {
  await broker.stop();
}
for (const wrong of totals.wrong) console.log(`\n${wrong}`);
console.log(
  `${totals.requests} requests, ${totals.refused} refused, ${totals.frames} frames, ${totals.wrong.length} wrong`,
);
process.exit(totals.wrong.length === 0 ? 0 : 1);
