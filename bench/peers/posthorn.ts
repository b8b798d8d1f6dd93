/** Posthorn as a contender: its SDK with its defaults, against the local runtime. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VERSION } from '../../protocol/version.ts';
import { startBroker } from '../../scripts/broker/broker.ts';
import { Posthorn } from '../../sdk/index.ts';
import { Arrival } from '../runtime/arrival.ts';
import { BODY, Countdown, WINDOW, type Contender, type Running } from './contender.ts';

export const posthornContender: Contender = {
  name: 'Posthorn',
  about: `Posthorn ${VERSION}, SDK with its defaults`,
  start,
};

async function start(): Promise<Running> {
  const dataPath = await mkdtemp(join(tmpdir(), 'posthorn-bench-'));
  const broker = await startBroker({ dataPath });
  const posthorn = new Posthorn({ url: broker.url });
  await Promise.all(['alone', 'met'].map((queue) => posthorn.queues.declare(queue)));
  const publisher = posthorn.publisher({ maxUnconfirmed: WINDOW });
  const producer = posthorn.producer();
  const arrival = new Arrival();
  const consumer = posthorn.consumer('met', () => arrival.note());
  let rounds = 0;
  let topic = '';
  return {
    publish: () => publisher.sendToQueue('alone', { body: BODY }),
    deliver: async () => {
      const arrived = arrival.next();
      await publisher.sendToQueue('met', { body: BODY });
      await arrived;
    },
    queue: async (messages) => {
      const queue = `many-${rounds++}`;
      await posthorn.queues.declare(queue);
      const all = new Countdown(messages);
      const reader = posthorn.consumer(queue, () => all.note(), { prefetch: WINDOW });
      for (let i = 0; i < messages; i++) {
        publisher.sendToQueue(queue, { body: BODY }).catch((error: unknown) => all.fail(error));
        await publisher.ready();
      }
      await all.reached;
      await reader.stop();
      await posthorn.queues.delete(queue);
    },
    log: {
      produce: async (records) => {
        topic = `records-${rounds++}`;
        await posthorn.topics.declare(topic);
        const all = new Countdown(records);
        for (let i = 0; i < records; i++) {
          producer.send(topic, { value: BODY }).then(
            () => all.note(),
            (error: unknown) => all.fail(error),
          );
          await producer.ready();
        }
        await all.reached;
      },
      consume: async (records) => {
        let read = 0;
        for await (const _ of posthorn.reader(topic)) if (++read === records) break;
      },
    },
    stop: async () => {
      await Promise.all([consumer.stop(), publisher.close(), producer.close()]);
      await broker.stop();
      await rm(dataPath, { recursive: true, force: true });
    },
  };
}
