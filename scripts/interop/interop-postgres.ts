/**
 * `npm run interop:postgres`: `posthorn cdc postgres` against a PostgreSQL and a broker of its own, each of which is killed again and
 * again, and so is the command. Triggers of the database write its history down; at the end the topics have to be that history: each
 * change once, in order. `-- --transactions 5000` runs longer. Needs Debian's `postgresql`; as root it runs that as user `postgres`.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { Posthorn } from '../../sdk/index.ts';
import { Postgres, postgresPrograms } from '../peers/postgres.ts';
import { readOptions } from '../command/options.ts';

const args = readOptions(import.meta.filename, {
  transactions: { type: 'string', default: '300' },
  kills: { type: 'string', default: '3' },
});
const TRANSACTIONS = Number(args.transactions);
const KILLS = Number(args.kills);
const CHANGES_MAX = 40;
const WAIT_MS_MAX = 300_000;
const TABLES = ['orders', 'customers'] as const;
const KEYS: Record<string, readonly string[]> = { orders: ['id'], customers: ['country', 'id'] };
const ROOT = join(import.meta.dirname, '../..');

const SCHEMA = `
  CREATE TABLE orders (id bigint PRIMARY KEY, total numeric, note text, paid boolean, at timestamptz DEFAULT now(), more jsonb);
  CREATE TABLE customers (country text, id int, name text, PRIMARY KEY (country, id));
  CREATE TABLE history (nth bigserial PRIMARY KEY, source text, op text, old jsonb, new jsonb);
  CREATE TABLE progress (done int);
  INSERT INTO progress VALUES (0);
  CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO history (source, op, old, new)
      VALUES (TG_TABLE_NAME, TG_OP, CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
    RETURN NULL;
  END $$;
  CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION remember();
  CREATE TRIGGER remember AFTER INSERT OR UPDATE OR DELETE ON customers FOR EACH ROW EXECUTE FUNCTION remember();
`;

type Row = Record<string, unknown>;

const programs = await postgresPrograms();
if (programs === null) {
  console.log('left out: there is no PostgreSQL (apt-get install postgresql)');
  process.exit(0);
}
const folder = await mkdtemp(join(tmpdir(), 'posthorn-postgres-'));
await chmod(folder, 0o755);
const postgres = await Postgres.start(programs, join(folder, 'postgres'));
let [broker, brokerUrl] = await startBroker(0);
let command: ChildProcess | null = null;
try {
  await inDatabase((client) => client.query(SCHEMA));
  await work(20); // before the capture: the snapshot
  command = startCommand();
  let isKilling = true;
  const killing = killAgainAndAgain().finally(() => (isKilling = false));
  await work(TRANSACTIONS);
  while (isKilling) await work(1);
  await killing;
  await work(1);
  console.log(`✓ ${await compare()}`);
} finally {
  command?.kill('SIGKILL');
  broker.kill('SIGKILL');
  await postgres.crash();
  await rm(folder, { recursive: true, force: true });
}

/** A broker in a process of its own, which can be killed. */
async function startBroker(port: number): Promise<[ChildProcess, string]> {
  const env = { ...process.env, PORT: String(port), POSTHORN_DATA: join(folder, 'broker') };
  const child = spawn(process.execPath, [join(ROOT, 'scripts/serve.ts'), '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  for await (const text of child.stdout.setEncoding('utf8')) {
    const [, url] = /"url":\s*"(http:[^"]+)"/.exec(text as string) ?? [];
    if (url !== undefined) return [child, url];
  }
  throw new Error('the broker has not started');
}

function startCommand(): ChildProcess {
  const words = ['cdc', 'postgres', '--database', postgres.url, '--name', 'shop', '--url', brokerUrl];
  const tables = TABLES.map((table) => `public.${table}`).join(',');
  return spawn(process.execPath, [join(ROOT, 'sdk/cli/main.ts'), ...words, '--tables', tables], {
    stdio: ['ignore', 'ignore', process.env['VERBOSE'] ? 'inherit' : 'ignore'],
  });
}

/** Kills the command, the broker and the database in turn, and starts each again. */
async function killAgainAndAgain(): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    await delay(1_500 + Math.random() * 3_000);
    const ended = once(command!, 'exit');
    command!.kill('SIGKILL');
    await ended;
    command = startCommand();
    await delay(1_500 + Math.random() * 3_000);
    const port = Number(new URL(brokerUrl).port);
    const brokerEnded = once(broker, 'exit');
    process.kill(-broker.pid!, 'SIGKILL'); // with its runtime
    await brokerEnded;
    [broker, brokerUrl] = await startBroker(port);
    await delay(1_500 + Math.random() * 3_000);
    await postgres.crash();
    await postgres.restart();
  }
}

/** Transactions of one writer: each of several changes, some of them rolled back, until so many are there. */
async function work(count: number): Promise<void> {
  const random = (below: number): number => Math.floor(Math.random() * below);
  const goal = (await done()) + count;
  for (let at = await done(); at < goal; at = await done()) {
    try {
      await inDatabase(async (client) => {
        for (; at < goal; at++) {
          await client.query('BEGIN');
          for (let change = 1 + random(CHANGES_MAX); change > 0; change--)
            await changeSomething(client, random);
          await client.query('UPDATE progress SET done = $1', [at + 1]);
          if (random(10) === 0) {
            await client.query('ROLLBACK');
            at -= 1;
          } else await client.query('COMMIT');
        }
      });
    } catch {
      await delay(100); // it was killed: how far it came is in the database
    }
  }
}

async function changeSomething(client: pg.Client, random: (below: number) => number): Promise<void> {
  const id = random(200);
  const [kind, note] = [random(10), 'ä "note" \\ '.repeat(random(5))];
  if (kind < 4)
    await client.query(
      `INSERT INTO orders (id, total, note, paid, more) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET total = EXCLUDED.total, note = EXCLUDED.note`,
      [9_007_199_254_740_993n + BigInt(id), Math.random().toFixed(20), note, id % 2 === 0, { n: id }],
    );
  else if (kind < 6)
    await client.query('DELETE FROM orders WHERE id = $1', [9_007_199_254_740_993n + BigInt(id)]);
  else if (kind < 9)
    await client.query(
      'INSERT INTO customers VALUES ($1, $2, $3) ON CONFLICT (country, id) DO UPDATE SET name = EXCLUDED.name',
      [['de', 'fr'][id % 2], id, note],
    );
  else {
    await client.query('DELETE FROM customers WHERE id = $1', [id + 1_000]);
    await client.query('UPDATE customers SET id = id + 1000 WHERE id = $1', [id]);
  }
}

async function done(): Promise<number> {
  for (;;) {
    try {
      return await inDatabase(async (client) => {
        const { rows } = await client.query<{ done: number }>('SELECT done FROM progress');
        return rows[0]!.done;
      });
    } catch {
      await delay(100);
    }
  }
}

async function inDatabase<Result>(use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: postgres.url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Waits until the topics have as much as the history, and compares each change. */
async function compare(): Promise<string> {
  const counts: string[] = [];
  for (const table of TABLES) {
    const expected = await historyOf(table);
    const found = await changesOf(`shop.public.${table}`, expected.length);
    const snapshot = found.filter(({ op }) => op === 'r').length;
    const starts = startsOf(expected, table, found.slice(0, snapshot));
    if (starts.length === 0) throw new Error(`${table}: the snapshot is no state of the table`);
    const streamed = found
      .slice(snapshot)
      .map(({ op, before, after }) => JSON.stringify([op, before, after]));
    const all = expected.map((change) => streamedAs(change, table));
    const outcomes = starts.map((start) => differenceOf(streamed, all.slice(start).flat()));
    if (!outcomes.includes(null)) throw new Error(`${table}: ${outcomes[0]!}`);
    counts.push(`${table}: a snapshot of ${snapshot} rows and ${streamed.length} changes`);
  }
  return `${await done()} transactions, ${3 * KILLS} kills; ${counts.join('; ')}: each once, in order`;
}

/** A change that a trigger has written down. */
interface Remembered {
  op: string;
  old: string | null;
  new: string | null;
}

interface Change {
  op: string;
  before: Row | null;
  after: Row | null;
}

/** As PostgreSQL writes the rows of its history, with the keys only of what was before. */
async function historyOf(table: string): Promise<Remembered[]> {
  return await inDatabase(async (client) => {
    const { rows } = await client.query<Remembered>(
      'SELECT op, old::text, new::text FROM history WHERE source = $1 ORDER BY nth',
      [table],
    );
    return rows;
  });
}

function keyOf(row: Row, table: string): Row {
  return Object.fromEntries(KEYS[table]!.map((name) => [name, row[name]]));
}

/** What the stream has for a change, as text to compare. */
function streamedAs(change: Remembered, table: string): string[] {
  const [old, now] = rowsOf(change);
  if (change.op === 'INSERT') return [JSON.stringify(['c', null, now])];
  if (change.op === 'DELETE') return [JSON.stringify(['d', keyOf(old!, table), null])];
  if (JSON.stringify(keyOf(old!, table)) === JSON.stringify(keyOf(now!, table)))
    return [JSON.stringify(['u', null, now])];
  return [JSON.stringify(['d', keyOf(old!, table), null]), JSON.stringify(['c', null, now])];
}

function differenceOf(streamed: readonly string[], wanted: readonly string[]): string | null {
  const at = wanted.findIndex((change, index) => streamed[index] !== change);
  if (at >= 0) return `change ${at} is ${streamed[at]}, and was ${wanted[at]}`;
  return streamed.length === wanted.length
    ? null
    : `${streamed.length} changes, and there were ${wanted.length}`;
}

/** Where in the history the rows of a snapshot were the state of the table. */
function startsOf(history: readonly Remembered[], table: string, snapshot: readonly Change[]): number[] {
  const rows = snapshot
    .map(({ after }) => JSON.stringify(after))
    .sort()
    .join();
  const state = new Map<string, string>();
  const starts: number[] = [];
  for (let at = 0; ; at++) {
    if (state.size === snapshot.length && [...state.values()].sort().join() === rows) starts.push(at);
    const change = history[at];
    if (change === undefined) return starts;
    const [old, now] = rowsOf(change);
    if (old) state.delete(JSON.stringify(keyOf(old, table)));
    if (now) state.set(JSON.stringify(keyOf(now, table)), JSON.stringify(now));
  }
}

function rowsOf({ old, new: now }: Remembered): (Row | null)[] {
  return [old, now].map((text) => (text === null ? null : canonical(parse(text))));
}

async function changesOf(topic: string, atLeast: number): Promise<Change[]> {
  const posthorn = new Posthorn({ url: brokerUrl });
  const found: Change[] = [];
  const endMs = Date.now() + WAIT_MS_MAX;
  let [quietMs, last] = [Date.now(), 0];
  const signal = AbortSignal.timeout(WAIT_MS_MAX);
  const reader = posthorn.reader(topic, { isolation: 'read_committed', signal, waitMs: 1_000 });
  const collecting = (async () => {
    for await (const record of reader) {
      const { op, before, after } = parse(new TextDecoder().decode(record.value!)) as unknown as Change;
      found.push({ op, before: before && canonical(before), after: after && canonical(after) });
    }
  })();
  // The history has what was before the snapshot too, so the number is no more than a hint: it waits until nothing comes.
  while (Date.now() < endMs && (found.length < atLeast || Date.now() - quietMs < 3_000)) {
    if (found.length !== last) [quietMs, last] = [Date.now(), found.length];
    if (found.length < atLeast && Date.now() - quietMs > 20_000) break;
    await delay(100);
  }
  reader.close();
  await collecting.catch(() => {});
  return found;
}

/** Numbers stay as they are written. */
function parse(text: string): Row {
  const reviver = (_: string, value: unknown, context: { source: string }): unknown =>
    typeof value === 'number' ? `#${context.source}` : value;
  return JSON.parse(text, reviver as never) as Row;
}

/** Rows of the history have numerics as numbers and times in another form: both as the stream has them. */
function canonical(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => {
    if (name === 'total') return [name, String(value).replace('#', '')] as const;
    if (name === 'at') return [name, new Date(String(value)).toISOString()] as const;
    return [name, value] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
