/** Digest: checks the SHA-256 of bytes while they stream to the bucket, which does not check that of a part. */

import { hexOf } from '../access/digest.ts';

const MESSAGE = 'the SHA-256 of the bytes is another one';

export class DigestMismatch extends Error {
  constructor() {
    super(MESSAGE);
  }

  /** The bucket may pass on the message alone. */
  static is(error: unknown): boolean {
    return error instanceof Error && error.message.includes(MESSAGE);
  }
}

/**
 * Returns the same bytes as a stream of known length, which fails before its end if their digest differs. One piece is in memory at
 * a time: the platform's own pipes through JavaScript hold megabytes.
 */
export function withDigest(body: ReadableStream<Uint8Array>, length: number, sha256: string): ReadableStream {
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
  pump(body, writer, length, sha256).catch(async (error: unknown) => {
    await writer.abort(error).catch(() => {}); // whoever reads gets it
  });
  return readable;
}

async function pump(
  body: ReadableStream<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  length: number,
  sha256: string,
): Promise<void> {
  const digest = new crypto.DigestStream('SHA-256');
  const hash = digest.getWriter();
  let left = length;
  for await (const piece of body) {
    await hash.write(piece);
    left -= piece.length;
    if (left <= 0) {
      await hash.close();
      if (hexOf(new Uint8Array(await digest.digest)) !== sha256) throw new DigestMismatch();
    }
    await writer.write(piece);
  }
  await writer.close();
}
