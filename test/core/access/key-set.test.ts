/** When the keys of an issuer are used, asked for, or refused. Times in seconds. */

import { expect, it } from 'vitest';
import { keySetStep, type KeySetStep } from '../../../core/access/key-set.ts';

const DAY = 86_400;

it.each<
  [
    what: string,
    state: { fetched?: number; asked?: number; failed?: number; asking?: number },
    isThere: boolean,
    nowS: number,
    step: KeySetStep,
  ]
>([
  ['nothing is known', {}, false, 0, 'wait'],
  ['the first question is under way', { asked: 0, asking: 1 }, false, 1, 'wait'],
  ['many questions are under way', { asked: 0, asking: 8 }, false, 1, 'refuse'],
  ['many questions were cancelled', { asked: 0, asking: 8 }, false, 4, 'wait'],
  ['the first question failed just now', { asked: 0, failed: 1 }, false, 10, 'refuse'],
  ['the first question failed a while ago', { asked: 0, failed: 1 }, false, 11, 'wait'],
  ['the key is there', { fetched: 0, asked: 0 }, true, 1, 'use'],
  ['the keys are old', { fetched: 0, asked: 0 }, true, 601, 'refresh'],
  ['the keys are old, and somebody asks', { fetched: 0, asked: 600, asking: 1 }, true, 601, 'use'],
  ['the keys are old, and the issuer is down', { fetched: 0, asked: 600, failed: 603 }, true, 620, 'use'],
  [
    'the keys are old, and the issuer is still down',
    { fetched: 0, asked: 600, failed: 603 },
    true,
    630,
    'refresh',
  ],
  ['the keys are a day old', { fetched: 0, asked: DAY - 20, failed: DAY - 17 }, true, DAY, 'use'],
  [
    'the keys are more than a day old',
    { fetched: 0, asked: DAY - 60, failed: DAY - 57 },
    true,
    DAY + 1,
    'wait',
  ],
  ['they are, and the issuer is down', { fetched: 0, asked: DAY, failed: DAY }, true, DAY + 1, 'refuse'],
  ['the key is unknown', { fetched: 0, asked: 0 }, false, 31, 'wait'],
  ['the key is unknown, right after a question', { fetched: 0, asked: 0 }, false, 29, 'use'],
  ['the key is unknown, and somebody asks', { fetched: 0, asked: 40, asking: 1 }, false, 41, 'wait'],
  ['the key is unknown, and many ask', { fetched: 0, asked: 40, asking: 8 }, false, 41, 'use'],
  ['the clock was put back', { fetched: 100, asked: 100, failed: 100 }, false, 5, 'wait'],
])('%s', (_, { fetched, asked, failed, asking = 0 }, isThere, nowS, step) => {
  const ms = (seconds: number | undefined): number | null => (seconds === undefined ? null : seconds * 1000);
  const state = { fetchedMs: ms(fetched), askedMs: ms(asked), failedMs: ms(failed), asking };
  expect(keySetStep(state, isThere, nowS * 1000)).toBe(step);
});
