/**
 * Pictures pushed to a Worker in batches: it makes a thumbnail of each, tries again those that are not there yet, and one that is no picture
 * becomes a dead letter. The broker is one of its own, because a broker has to be bound to the Worker.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorker } from '../../scripts/broker/bundle.ts';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Posthorn } from '../../sdk/index.ts';
import { conclude, type ExampleContext } from '../example.ts';
import { Gallery } from './gallery.ts';

const PICTURES = 100;
const NAME = 'pictures';
const BROKEN = 'picture-7';

export async function pipeline({ say, signal }: ExampleContext, pictures = PICTURES): Promise<boolean> {
  const gallery = await Gallery.start();
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-example-'));
  const script = await bundleWorker('examples/subscriber/thumbnails.ts');
  const broker = await startBroker({
    dataPath,
    dashboard: false,
    subscribers: { thumbnails: { script, vars: { GALLERY: gallery.url } } },
  });
  try {
    return await show(new Posthorn({ url: broker.url }), gallery, pictures, say, signal);
  } finally {
    await broker.stop();
    await rm(dataPath, { recursive: true, force: true });
    await gallery.stop();
  }
}

async function show(
  posthorn: Posthorn,
  gallery: Gallery,
  pictures: number,
  say: ExampleContext['say'],
  signal: AbortSignal,
): Promise<boolean> {
  const until = async (isTrue: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await isTrue())) {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const names = Array.from({ length: pictures }, (_, number) => `picture-${number}`);
  for (const name of names)
    gallery.pictures.set(name, new Uint8Array([name === BROKEN ? 0 : 0x89, 0x50, 0x4e, 0x47]));
  for (const name of names.slice(0, 5)) gallery.late.add(name);

  const refused = await posthorn.queues
    .declare(NAME, { retry: { scheduleMs: [100, 200] } })
    .then(() => posthorn.subscriptions.put(NAME, { source: { queue: NAME }, target: { worker: 'unknown' } }))
    .then(
      () => '',
      (error: unknown) => (error as { code: string }).code,
    );
  say(`A Worker that is not bound is refused: ${refused}.`);
  await posthorn.subscriptions.put(NAME, {
    source: { queue: NAME },
    target: { worker: 'thumbnails' },
    batchMessages: 10,
    concurrency: 2,
  });
  {
    await using publisher = posthorn.publisher();
    await Promise.all(names.map((name) => publisher.sendToQueue(NAME, { body: { name } })));
  }
  say(`Published ${pictures} pictures. Five come late, and ${BROKEN} is none.`);
  let error = '';
  await until(async () => {
    for await (const letter of posthorn.deadLetters.list(NAME)) error = letter.error.message ?? '';
    return error !== '' && gallery.thumbnails.size === pictures - 1;
  });
  say(`The Worker has made ${gallery.thumbnails.size} thumbnails. ${BROKEN} is a dead letter: ${error}.`);
  const attempts = await posthorn.subscriptions.attempts(NAME, { limit: 1_000 });
  const batches = attempts.filter(({ messages }) => messages > 1).length;
  say(`It was called ${attempts.length} times, ${batches} times with several pictures.`);
  return conclude(say, [
    { claim: 'a Worker that is not bound is refused', holds: refused === 'worker_unbound' },
    { claim: 'every picture but one has a thumbnail', holds: gallery.thumbnails.size === pictures - 1 },
    {
      claim: 'the late ones were tried again',
      holds: gallery.late.size === 0,
    },
    { claim: 'the dead letter has what the Worker threw', holds: error.includes(`no picture: ${BROKEN}`) },
    {
      claim: 'no picture was handled twice, though its neighbour failed',
      holds: [...gallery.thumbnails.values()].every((count) => count === 1),
    },
    { claim: 'pictures came in batches', holds: batches > 0 },
  ]);
}
