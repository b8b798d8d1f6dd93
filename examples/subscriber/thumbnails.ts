/**
 * A Worker that a subscription pushes to: it fetches pictures and stores what became of them. It settles each by itself, so that one
 * that is broken takes no others with it; a picture that is not there yet is tried again later.
 *
 * wrangler.toml beside it deploys it, and says how the broker is bound to it. `npm run example -- subscriber` runs it on this machine.
 */

import { subscriber } from '../../sdk/subscriber.ts';

interface Env {
  /** Where pictures are, and where thumbnails go. A real pipeline has a bucket here. */
  GALLERY: string;
}

interface Picture {
  name: string;
}

export default {
  posthorn: subscriber<Env>(async (batch, env) => {
    const broken: string[] = [];
    for (const message of batch.messages) {
      const { name } = message.json<Picture>()!;
      const picture = await fetch(`${env.GALLERY}/pictures/${name}`);
      if (picture.status === 404) {
        message.retry({ delayMs: 100 });
        continue;
      }
      const bytes = new Uint8Array(await picture.arrayBuffer());
      if (bytes[0] !== PNG_BYTE) {
        broken.push(name); // nothing is said of it: it is tried again when the handler throws
        continue;
      }
      await fetch(`${env.GALLERY}/thumbnails/${name}`, { method: 'PUT', body: bytes.subarray(0, 8) });
      message.ack(); // done, whatever becomes of the others
    }
    // In the dead letter, and in the list of attempts.
    if (broken.length > 0) throw new Error(`no picture: ${broken.join(', ')}`);
  }),
};

/** What each PNG file begins with. */
const PNG_BYTE = 0x89;
