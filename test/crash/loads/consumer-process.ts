/**
 * A consumer that is to be killed: `node consumer-process.ts <kind> <url> <input> <output>`. It writes a line to its standard
 * output for each input that it begins with.
 *
 *   queue   `input` is a queue, `output` a file of node:sqlite with a row in `outputs` for each message
 *   group   `input` and `output` are topics
 *
 * What it does takes a few ms, so that a kill finds it in the middle of something.
 */

import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { Posthorn, sqliteTransactionStore } from '../../../sdk/index.ts';

const WORK_MS = 4;

const [kind, url, input, output] = process.argv.slice(2) as [string, string, string, string];
const posthorn = new Posthorn({ url, retry: { baseMs: 5, maxMs: 50 } });
const onError = (error: unknown): void => console.error(error);

if (kind === 'queue') {
  const database = new DatabaseSync(output, { timeout: 5_000 });
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS outputs (number INTEGER)');
  const insert = database.prepare('INSERT INTO outputs VALUES (?)');
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  posthorn.consumer(
    input,
    (message) => {
      process.stdout.write('begun\n');
      insert.run(message.json<number>()!);
      Atomics.wait(asleep, 0, 0, WORK_MS);
    },
    {
      delivery: 'exactly-once',
      handled: sqliteTransactionStore(database),
      prefetch: 20,
      leaseMs: 1_000,
      onError,
    },
  );
} else {
  posthorn.consumer({
    delivery: 'exactly-once',
    producer: posthorn.transactionalProducer({ transactionalId: input }),
    group: input,
    topics: [input],
    instanceId: 'only',
    maxBatchRecords: 15,
    eachRecord: async (record, transaction) => {
      process.stdout.write('begun\n');
      const { number } = record.json<{ number: number }>()!;
      void transaction.send(output, { value: { number }, partition: number % 2 });
      await delay(WORK_MS);
    },
    onError,
  });
}
