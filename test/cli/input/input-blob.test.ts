/** Input whose length has to be known: much of it goes to a file, which does not stay. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { withInputBlob } from '../../../sdk/cli/input/input-blob.ts';

const PIECE = 64 * 1024;
const { signal } = new AbortController();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'posthorn-input-'));
  vi.stubEnv('TMPDIR', folder);
});
afterEach(async () => expect(await readdir(folder)).toEqual([]));
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

let read = 0;
async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (read = 0; read < count; read++) yield new Uint8Array(PIECE).fill(read);
}

it.each([
  [0, 0],
  [1, 0],
  [16, 0],
  [17, 1],
  [100, 1],
])('has the bytes of %i pieces in their order, in %i folders', async (count, folders) => {
  await withInputBlob(
    pieces(count),
    count * PIECE,
    async (body) => {
      expect(await readdir(folder)).toHaveLength(folders);
      const bytes = new Uint8Array(await body.arrayBuffer());
      expect(bytes).toHaveLength(count * PIECE);
      for (let piece = 0; piece < count; piece++) expect(bytes[piece * PIECE + PIECE - 1]).toBe(piece);
    },
    signal,
  );
});

it('reads no more than is allowed', async () => {
  const use = vi.fn<() => Promise<void>>();
  await expect(withInputBlob(pieces(1_000), 20 * PIECE, use, signal)).rejects.toMatchObject({
    code: 'request_too_large',
  });
  expect([read, use.mock.calls.length]).toEqual([20, 0]);
});

it('is not taken for whole when it was cut off', async () => {
  const use = vi.fn<() => Promise<void>>();
  await expect(withInputBlob(pieces(20), 20 * PIECE, use, AbortSignal.abort())).rejects.toThrow();
  expect(use).not.toHaveBeenCalled();
});
