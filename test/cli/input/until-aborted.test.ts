/** Input that ends with a signal. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { untilAborted } from '../../../sdk/cli/input/until-aborted.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

it('keeps nothing of what it has handed out', async () => {
  const given: WeakRef<object>[] = [];
  async function* pieces(): AsyncGenerator<object> {
    for (let nth = 0; nth < 100; nth++) {
      const piece = { nth };
      given.push(new WeakRef(piece));
      yield piece;
    }
  }
  let kept = 0;
  for await (const _ of untilAborted(pieces(), new AbortController().signal)) {
    if (given.length < 100) continue;
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef keeps what it has until the turn ends
    collect();
    kept = given.filter((piece) => piece.deref() !== undefined).length;
  }
  expect(kept).toBeLessThan(5);
});

it('ends when the signal fires, whether it waits for a piece or the piece is in use', async () => {
  async function* endless(): AsyncGenerator<number> {
    for (let piece = 0; piece < 3; piece++) yield piece;
    await new Promise(() => {});
  }
  for (const last of [1, 2]) {
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const piece of untilAborted(endless(), controller.signal)) {
      seen.push(piece);
      if (piece === last && last === 1) controller.abort();
      if (piece === last && last === 2) setImmediate(() => controller.abort());
    }
    expect(seen.at(-1)).toBe(last);
  }
});
