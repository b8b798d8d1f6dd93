/** Database: what a capture asks PostgreSQL for beside the stream: its publication, its slot, its tables. */

import type { Client, QueryResult } from 'pg';
import { Failure } from '../failure.ts';
import type { Table } from './change-record.ts';
import type { PostgresPackages } from './postgres-packages.ts';

/** Text of every type as PostgreSQL writes it. */
const AS_TEXT = { getTypeParser: () => (text: string) => text };

export interface Slot {
  readonly consistentLsn: string;
  /** Names what the database was at that position, while the connection that made it is open. */
  readonly snapshot: string;
}

type Name = Readonly<{ schema: string; name: string }>;

export class Database {
  readonly #packages: PostgresPackages;
  readonly #url: string;
  #client: Client | null = null;

  constructor(packages: PostgresPackages, url: string) {
    this.#packages = packages;
    this.#url = url;
  }

  async query(text: string, values: unknown[] = []): Promise<QueryResult<Record<string, string | null>>> {
    this.#client ??= await this.connect();
    return await this.#client.query({ text, values, types: AS_TEXT as never });
  }

  /** Opens a connection of its own. @param replication one that takes commands of replication */
  async connect(replication = false): Promise<Client> {
    const options = { connectionString: this.#url, ...(replication && { replication: 'database' }) };
    const client = new this.#packages.Client({ ...options, application_name: 'posthorn cdc' } as object);
    client.on('error', () => {}); // the next query tells of it
    await client.connect();
    return client;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.end().catch(() => {});
  }

  async name(): Promise<string> {
    const { rows } = await this.query('SELECT current_database() AS name, current_setting($1) AS level', [
      'wal_level',
    ]);
    if (rows[0]!['level'] !== 'logical')
      throw new Failure('failed', `the database has wal_level = ${rows[0]!['level']}; it has to be logical`, {
        advice: ['ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL'],
      });
    return rows[0]!['name']!;
  }

  /** Publishes these tables and no others. */
  async publish(publication: string, tables: readonly string[]): Promise<void> {
    const list = tables.map((table) => table.split('.').map(quoted).join('.')).join(', ');
    const { rows } = await this.query('SELECT 1 FROM pg_publication WHERE pubname = $1', [publication]);
    await this.query(
      rows.length === 0
        ? `CREATE PUBLICATION ${quoted(publication)} FOR TABLE ${list}`
        : `ALTER PUBLICATION ${quoted(publication)} SET TABLE ${list}`,
    );
  }

  async published(publication: string): Promise<Name[]> {
    const { rows } = await this.query(
      'SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = $1 ORDER BY 1, 2',
      [publication],
    );
    return rows.map((row) => ({ schema: row['schemaname']!, name: row['tablename']! }));
  }

  async keyColumns({ schema, name }: Name): Promise<string[]> {
    const { rows } = await this.query(
      `SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
       WHERE i.indisprimary AND i.indrelid = format('%I.%I', $1::text, $2::text)::regclass`,
      [schema, name],
    );
    return rows.map((row) => row['attname']!);
  }

  async hasSlot(slot: string): Promise<boolean> {
    const { rows } = await this.query('SELECT 1 FROM pg_replication_slots WHERE slot_name = $1', [slot]);
    return rows.length > 0;
  }

  /** Ends whoever reads the slot: an instance that was replaced. */
  async freeSlot(slot: string): Promise<void> {
    await this.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active',
      [slot],
    );
  }

  async dropSlot(slot: string): Promise<void> {
    await this.query(
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
      [slot],
    );
  }

  /** @param client of replication */
  async createSlot(client: Client, slot: string): Promise<Slot> {
    const sql = `CREATE_REPLICATION_SLOT ${quoted(slot)} LOGICAL pgoutput EXPORT_SNAPSHOT`;
    const { rows } = (await client.query(sql)) as QueryResult<Record<string, string>>;
    return { consistentLsn: rows[0]!['consistent_point']!, snapshot: rows[0]!['snapshot_name']! };
  }

  /** Reads all rows of a table as of a snapshot, some at a time. */
  async *rows(
    client: Client,
    { schema, name }: Name,
  ): AsyncGenerator<{ columns: Table['columns']; row: Record<string, string | null> }> {
    await client.query(`DECLARE rows CURSOR FOR SELECT * FROM ${quoted(schema)}.${quoted(name)}`);
    for (;;) {
      const { rows, fields } = await client.query<Record<string, string | null>>({
        text: 'FETCH 1000 FROM rows',
        types: AS_TEXT as never,
      });
      const columns = fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID }));
      for (const row of rows) yield { columns, row };
      if (rows.length === 0) break;
    }
    await client.query('CLOSE rows');
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
