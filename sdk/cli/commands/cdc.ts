/** `posthorn cdc postgres`: the changes of a database in topics, until Ctrl-C. */

import { setTimeout as delay } from 'node:timers/promises';
import { Capture, type CaptureOptions } from '../cdc/capture.ts';
import { loadPostgres } from '../cdc/postgres-packages.ts';
import type { Command, Context } from '../command.ts';
import { asPosthornError, PosthornError } from '../../errors.ts';
import type { Outcome } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';

const TOPIC = '{server}.{schema}.{table}';

export const cdcCommand: Command = {
  words: ['cdc', 'postgres'],
  about: 'Store the changes of a PostgreSQL database in topics, each once, until Ctrl-C',
  load: () => ({
    args: [],
    flags: [
      {
        name: 'database',
        kind: 'text',
        about: 'postgres://user:password@host:5432/name. Default: DATABASE_URL of the environment',
      },
      {
        name: 'tables',
        kind: 'text',
        about: 'The tables, with their schema and commas between: public.orders',
      },
      {
        name: 'name',
        kind: 'text',
        about: 'Names the slot, the publication and the position; {server} of topics. Default: postgres',
      },
      { name: 'topic', kind: 'text', about: `The topic of a table. Default: ${TOPIC}` },
      { name: 'partitions', kind: 'number', min: 1, about: 'Of topics that are made. Default: 1' },
      { name: 'tombstones', kind: 'boolean', about: 'A second record without a value after each delete' },
      {
        name: 'no-snapshot',
        kind: 'boolean',
        about: 'Only changes from now on, not the rows that are there',
      },
    ],
    notes: [
      'The database needs wal_level = logical, and a role that may replicate and owns the tables.',
      'It goes on where it stopped. A second one with the same name takes over from the first.',
    ],
    run: capture,
  }),
};

const WAIT_MS_MAX = 10_000;

/** Errors that the same attempt would have again. */
const LASTING_CODES = new Set([
  'producer_fenced',
  'forbidden',
  'unauthenticated',
  'namespace_not_found',
  'invalid_argument',
  'invalid_field',
  'invalid_name',
  'topic_differs',
  'record_too_large',
  'transaction_too_large',
  'quota_exceeded',
]);

/** Classes of PostgreSQL: refused logins, databases and objects that are not there, rights. */
const LASTING_CLASSES = /^(?:28|3D|3F|42)/;

async function capture(context: Context): Promise<Outcome> {
  const { io, printer } = context;
  const options = optionsOf(context);
  const packages = await loadPostgres({ folder: io.folder, env: io.env, say: (text) => printer.warn(text) });
  const { posthorn } = context.connect();
  for (let failures = 0; !options.signal.aborted;) {
    const startMs = Date.now();
    try {
      await new Capture(packages, posthorn, options).run();
    } catch (error) {
      if (options.signal.aborted) break;
      if (isLasting(error)) throw error;
      failures = Date.now() - startMs > WAIT_MS_MAX ? 1 : failures + 1;
      const waitMs = Math.min(WAIT_MS_MAX, 250 * 2 ** failures);
      await printer.warn(`${(error as Error).message}; again in ${waitMs} ms`);
      await delay(waitMs, undefined, { signal: options.signal }).catch(() => {});
    }
  }
  return 'done';
}

function optionsOf({ flag, io, printer, signal }: Context): CaptureOptions {
  const url = flag<string>('database') ?? io.env['DATABASE_URL'];
  if (!url) throw usage('name the database: --database postgres://..., or DATABASE_URL');
  const tables = (flag<string>('tables') ?? '').split(',').filter((table) => table !== '');
  if (tables.length === 0) throw usage('name the tables: --tables public.orders,public.customers');
  const wrong = tables.find((table) => table.split('.').length !== 2);
  if (wrong !== undefined) throw usage(`--tables: "${wrong}" has no schema, such as public.${wrong}`);
  return {
    url,
    tables,
    name: flag<string>('name') ?? 'postgres',
    topic: flag<string>('topic') ?? TOPIC,
    partitions: flag<number>('partitions') ?? 1,
    tombstones: flag('tombstones') === true,
    snapshot: flag('no-snapshot') !== true,
    signal,
    say: (text) => printer.warn(text),
  };
}

function isLasting(error: unknown): boolean {
  if (error instanceof Failure) return true;
  if (error instanceof PosthornError) return LASTING_CODES.has(asPosthornError(error).code);
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && LASTING_CLASSES.test(code);
}
