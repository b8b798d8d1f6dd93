/**
 * An image pipeline: cameras publish pictures of 20 MB as jobs. A picture is too large for a message, so it goes to the bucket of the
 * broker by itself. Workers get each job with its picture, and publish a small one in its place.
 */

import { Posthorn } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';

interface ImagesOptions {
  pictures?: number;
  pictureBytes?: number;
}

/** The small picture has each 1,000th byte of the large one: what a real worker would do takes a library. */
const shrink = (picture: Uint8Array): Uint8Array => picture.filter((_, index) => index % 1_000 === 0);

export async function images(
  { broker, say, progress, signal }: ExampleContext,
  { pictures = 10, pictureBytes = 20_000_000 }: ImagesOptions = {},
): Promise<boolean> {
  const posthorn = new Posthorn(broker);
  const [taken, small] = [uniqueName('pictures'), uniqueName('small-pictures')];
  for (const queue of [taken, small]) await posthorn.queues.declare(queue, {}, { signal });
  try {
    await using publisher = posthorn.publisher({ signal });
    for (let number = 0; number < pictures; number++) {
      const body = new Uint8Array(pictureBytes).fill(number + 1);
      const properties = { contentType: 'image/raw', messageId: `picture-${number}` };
      await publisher.sendToQueue(taken, { body, properties });
      progress(`published ${number + 1} of ${pictures} pictures`);
    }
    say(`Published ${pictures} pictures of ${pictureBytes / 1_000_000} MB.`);

    const objects = new Set<string>();
    const worker = posthorn.consumer(
      taken,
      async (message) => {
        objects.add(message.claim!.object);
        const { messageId } = message.properties;
        await publisher.sendToQueue(small, { body: shrink(message.body!), properties: { messageId } });
      },
      { concurrency: 2 },
    );
    const seen = new Map<string, Uint8Array>();
    for await (const message of posthorn.messages(small, { signal })) {
      seen.set(message.properties.messageId!, message.body!.slice());
      await message.ack();
      progress(`shrunk ${seen.size} of ${pictures} pictures`);
      if (seen.size === pictures) break;
    }
    await worker.stop();
    say(`Each is now a picture of ${Math.ceil(pictureBytes / 1_000)} bytes.`);
    const isRight = (number: number): boolean => {
      const picture = seen.get(`picture-${number}`);
      return (
        picture?.length === Math.ceil(pictureBytes / 1_000) && picture.every((byte) => byte === number + 1)
      );
    };
    const kept = (await posthorn.objects.list({ signal })).filter(({ object }) => objects.has(object));
    for (const { object } of kept) await posthorn.objects.delete(object);
    return conclude(say, [
      {
        claim: 'every picture became a small one',
        holds: Array.from(seen.keys()).every((_, number) => isRight(number)),
      },
      {
        claim: 'each large picture was an object of its own, with its size and type',
        holds:
          kept.length === pictures &&
          kept.every(({ bytes, contentType }) => bytes === pictureBytes && contentType === 'image/raw'),
      },
    ]);
  } finally {
    for (const queue of [taken, small]) await posthorn.queues.delete(queue);
  }
}
