/**
 * `npm run peer:disk`: an AMQP publisher on a broker whose disk becomes full, for real. It mounts a file system of 64 MiB in memory,
 * which wants Linux and root. Ends with 1 unless the client is told that it is blocked, is told when there is room again, and finds
 * every message that it has published, none of them refused.
 */

import { connect } from 'amqplib';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AmqpServer } from '../../gateway/amqp/connection/amqp-server.ts';
import { startBroker } from '../broker/broker.ts';

const DISK_MIB = 64;
const FILLER_MIB = 40;
const MESSAGES = 600;
const BODY_BYTES = 50_000;

/** Whatever does not happen in this time, in ms, is missing. */
const WAIT_MS = 90_000;

const disk = await mkdtemp(join(tmpdir(), 'posthorn-disk-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk]);
const filler = join(disk, 'filler');
const lateness = setTimeout(() => {
  console.error('it has not come to an end');
  process.exit(1);
}, WAIT_MS);
try {
  await tryIt();
  console.log('blocked, unblocked, and everything is there');
} finally {
  clearTimeout(lateness);
  execFileSync('umount', ['--lazy', disk]);
  await rm(disk, { recursive: true, force: true });
}

async function tryIt(): Promise<void> {
  const broker = await startBroker({ dataPath: join(disk, 'data'), port: 0 });
  const server = await AmqpServer.start({ url: broker.url, port: 0 });
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${server.port}`);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('disk');
  await writeFile(filler, Buffer.alloc(FILLER_MIB * 1024 * 1024, 1));
  const blocked = once(connection, 'blocked');
  let confirmed = 0;
  const body = Buffer.alloc(BODY_BYTES, 1);
  const published = Array.from(
    { length: MESSAGES },
    () =>
      new Promise<void>((resolve, reject) => {
        channel.sendToQueue('disk', body, {}, (error: unknown) => {
          if (error) return reject(error as Error);
          confirmed++;
          resolve();
        });
      }),
  );
  const all = Promise.all(published);
  const [reason] = (await Promise.race([blocked, all.then(() => ['nothing'])])) as [string];
  console.log(`blocked by ${String(reason)}, with ${confirmed} of ${MESSAGES} confirmed`);
  const unblocked = once(connection, 'unblocked');
  await rm(filler);
  await Promise.all([all, unblocked]);
  let received = 0;
  const { promise: done, resolve } = Promise.withResolvers<void>();
  await channel.consume('disk', (message) => {
    channel.ack(message!);
    if (++received === MESSAGES) resolve();
  });
  await done;
  await connection.close();
  await server.stop();
  await broker.stop();
}
