/**
 * A PostgreSQL database in topics: `posthorn cdc postgres` stores the rows that are there and each change, once, though it is
 * killed on the way. Needs a PostgreSQL on this machine, of which it starts a server of its own.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Postgres, postgresPrograms } from '../../scripts/peers/postgres.ts';
import { Posthorn } from '../../sdk/index.ts';
import { conclude, uniqueName, type ExampleContext } from '../example.ts';

const ORDERS = 200;
const COMMAND = join(import.meta.dirname, '../../sdk/cli/main.ts');

interface Change {
  op: string;
  after: { id: number; total: string } | null;
}

export async function postgres({ broker, say, signal }: ExampleContext, orders = ORDERS): Promise<boolean> {
  const programs = await postgresPrograms();
  if (programs === null) {
    say('Left out: there is no PostgreSQL on this machine (apt-get install postgresql).');
    return true;
  }
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-example-'));
  await chmod(folder, 0o755); // the server runs as a user of its own
  const server = await Postgres.start(programs, join(folder, 'postgres'));
  const name = uniqueName('shop');
  const database = new pg.Client({ connectionString: server.url });
  database.on('error', () => {});
  let command: ChildProcess | null = null;
  const startCommand = (): ChildProcess => {
    const words = ['cdc', 'postgres', '--database', server.url, '--name', name, '--tables', 'public.orders'];
    const env = { ...process.env, POSTHORN_URL: broker.url, POSTHORN_TOKEN: broker.token ?? '' };
    return spawn(process.execPath, [COMMAND, ...words], { env, stdio: 'ignore' });
  };
  try {
    await database.connect();
    await database.query('CREATE TABLE orders (id bigint PRIMARY KEY, total numeric)');
    await database.query('INSERT INTO orders SELECT n, n FROM generate_series(1, 10) AS n');
    say('A table has 10 orders.');
    command = startCommand();
    const posthorn = new Posthorn(broker);
    const topic = `${name}.public.orders`;
    await changesUntil(posthorn, topic, ({ after }) => after?.id === 10, signal);
    say(`They are in the topic ${topic}.`);
    for (let id = 11; id <= orders; id++) {
      await database.query('INSERT INTO orders VALUES ($1, $2)', [id, id]);
      if (id !== Math.floor(orders / 2)) continue;
      const ended = once(command, 'exit');
      command.kill('SIGKILL');
      await ended;
      say(`The command was killed after order ${id}. It starts again, and goes on where it was.`);
      command = startCommand();
    }
    await database.query('UPDATE orders SET total = 0 WHERE id <= 5');
    await database.query('DELETE FROM orders WHERE id = 1');
    const last = (change: Change): boolean => change.op === 'd';
    const changes = await changesUntil(posthorn, topic, last, signal);
    const rows = changes.filter(({ op }) => op === 'r' || op === 'c').map(({ after }) => after!.id);
    say(`The topic has ${changes.length} changes.`);
    return conclude(say, [
      { claim: 'every order is there once', holds: rows.length === orders && new Set(rows).size === orders },
      {
        claim: 'they are in the order of the database',
        holds: rows.every((id, at) => at === 0 || id > rows[at - 1]!),
      },
      { claim: 'five updates came after them', holds: changes.filter(({ op }) => op === 'u').length === 5 },
      { claim: 'and one delete', holds: changes.filter(({ op }) => op === 'd').length === 1 },
    ]);
  } finally {
    command?.kill('SIGKILL');
    await database.end().catch(() => {});
    await server.crash();
    await rm(folder, { recursive: true, force: true });
  }
}

async function changesUntil(
  posthorn: Posthorn,
  topic: string,
  isLast: (change: Change) => boolean,
  signal: AbortSignal,
): Promise<Change[]> {
  const changes: Change[] = [];
  while (!(await posthorn.topics.list({ signal })).some((each) => each.topic === topic))
    await new Promise((resolve) => setTimeout(resolve, 100));
  for await (const record of posthorn.reader(topic, { isolation: 'read_committed', signal })) {
    changes.push(record.json() as Change);
    if (isLast(changes.at(-1)!)) break;
  }
  return changes;
}
