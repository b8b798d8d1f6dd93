/** Input that ends with a signal. */

import { expect, it } from 'vitest';
import { untilAborted } from '../../../sdk/cli/input/until-aborted.ts';

const MIB = 2 ** 20;

it('keeps nothing of what it has handed out', async () => {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let piece = 0; piece < 1_000; piece++) yield new Uint8Array(MIB);
  }
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for await (const _ of untilAborted(pieces(), new AbortController().signal))
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  expect(most / MIB).toBeLessThan(500);
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
