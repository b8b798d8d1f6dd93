/** Input blob: bytes whose length has to be known before they are sent, without all of them in memory. A file has them if they are many. */

import { openAsBlob } from 'node:fs';
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../failure.ts';

/** Above that a file is made. */
const IN_MEMORY_BYTES_MAX = 1024 * 1024;

/**
 * Runs `use` with the bytes of an input. Of what has more than `bytesMax` the rest is not read.
 *
 * @throws Failure `request_too_large`
 */
export async function withInputBlob<Result>(
  input: AsyncIterable<Uint8Array | string>,
  bytesMax: number,
  use: (body: Blob) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  let folder: string | undefined;
  let file: FileHandle | undefined;
  try {
    for await (const given of input) {
      const piece = Buffer.from(given as Uint8Array<ArrayBuffer>);
      bytes += piece.length;
      if (bytes > bytesMax)
        throw new Failure('usage', `standard input has more than ${bytesMax} bytes`, {
          code: 'request_too_large',
        });
      pieces.push(piece);
      if (file === undefined && bytes <= IN_MEMORY_BYTES_MAX) continue;
      folder ??= await mkdtemp(join(tmpdir(), 'posthorn-'));
      file ??= await open(join(folder, 'input'), 'wx', 0o600);
      await file.appendFile(Buffer.concat(pieces));
      pieces = [];
    }
    signal.throwIfAborted(); // an input that was cut off is not all
    await file?.close();
    return await use(folder === undefined ? new Blob(pieces) : await openAsBlob(join(folder, 'input')));
  } finally {
    await file?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
