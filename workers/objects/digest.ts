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

/** Returns the same bytes as a stream of known length, which fails before its end if their digest differs. */
export function withDigest(body: ReadableStream<Uint8Array>, length: number, sha256: string): ReadableStream {
  const digest = new crypto.DigestStream('SHA-256');
  const hash = digest.getWriter();
  let left = length;
  const checked = new TransformStream<Uint8Array, Uint8Array>({
    transform: async (piece, controller) => {
      await hash.write(piece);
      left -= piece.length;
      if (left <= 0) {
        await hash.close();
        if (hexOf(new Uint8Array(await digest.digest)) !== sha256) throw new DigestMismatch();
      }
      controller.enqueue(piece);
    },
  });
  return body.pipeThrough(checked).pipeThrough(new FixedLengthStream(length));
}
