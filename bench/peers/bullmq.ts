/** BullMQ as a contender: jobs in a Redis that syncs each write. */

import { peerPackage } from '../../scripts/peers/peer-packages.ts';
import { redisVersion, startRedis } from '../../scripts/peers/redis.ts';
import { timed } from '../runtime/client.ts';
import { Arrival } from '../runtime/arrival.ts';
import { BODY, Countdown, WINDOW, type Contender, type Running } from './contender.ts';

interface Closable {
  close(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
}

interface JobQueue extends Closable {
  add(name: string, data: object, options: object): Promise<unknown>;
}

interface BullmqPackage {
  Queue: new (name: string, options: object) => JobQueue;
  Worker: new (name: string, work: () => Promise<void>, options: object) => Closable;
}

/** Jobs that a worker has in hand at once. */
const CONCURRENCY = 100;

export const bullmqContender: Contender = {
  name: 'BullMQ',
  about: `BullMQ on Redis ${redisVersion() ?? ''}, appendfsync always`,
  start,
};

async function start(): Promise<Running> {
  const { Queue, Worker } = await peerPackage<BullmqPackage>('bullmq');
  const server = await startRedis();
  const { host, port } = server;
  const connection = { host, port, maxRetriesPerRequest: null };
  const data = { body: BODY.toString() };
  const open: Closable[] = [];
  const opened = <Each extends Closable>(each: Each): Each => {
    each.on('error', () => {}); // at the end the server is gone
    open.push(each);
    return each;
  };
  const queueOf = (name: string): JobQueue => opened(new Queue(name, { connection }));
  const work = (name: string, onJob: () => void): Closable =>
    opened(
      new Worker(
        name,
        () => {
          onJob();
          return Promise.resolve();
        },
        { connection, concurrency: CONCURRENCY, removeOnComplete: { count: 0 } },
      ),
    );
  const add = (queue: JobQueue): Promise<unknown> => queue.add('job', data, { removeOnComplete: true });
  const [alone, met] = [queueOf('alone'), queueOf('met')];
  const arrival = new Arrival();
  work('met', () => arrival.note());
  let rounds = 0;
  return {
    publish: () => add(alone),
    deliver: async () => {
      const arrived = arrival.next();
      await add(met);
      await arrived;
    },
    queue: async (messages) => {
      const name = `many-${rounds++}`;
      const queue = queueOf(name);
      const all = new Countdown(messages);
      const worker = work(name, () => all.note());
      await timed(messages, WINDOW, () => add(queue));
      await all.reached;
      await worker.close();
    },
    stop: async () => {
      await Promise.all(open.map((each) => each.close().catch(() => {})));
      await server.stop();
    },
  };
}
