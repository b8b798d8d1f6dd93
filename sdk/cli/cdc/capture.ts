/**
 * Capture: the changes of a PostgreSQL database in topics, each once. A transaction of the database is a transaction of Posthorn, which
 * stores the position of its commit as well. PostgreSQL is told that it may forget the transaction after that.
 *
 *   kill before the commit   the transaction is aborted; PostgreSQL sends it again
 *   kill after the commit    PostgreSQL sends it again; its position says that it is stored, and it is left out
 *
 * The snapshot of all tables is one transaction too.
 */

import type { Client } from 'pg';
import type { Pgoutput } from 'pg-logical-replication';
import type { Posthorn } from '../../posthorn.ts';
import type { TransactionalProducer } from '../../transactions/transactional-producer.ts';
import { Failure } from '../failure.ts';
import {
  changeRecord,
  keyOfRow,
  lsnOfNumber,
  numberOfLsn,
  type Op,
  type Row,
  type Source,
  type Table,
} from './change-record.ts';
import { Database, quoted } from './database.ts';
import type { PostgresPackages } from './postgres-packages.ts';
import { makeTopic, positionRecord, positionTopic, preparePositions, readPosition } from './position.ts';

export interface CaptureOptions {
  /** Of the database, with its credentials. */
  readonly url: string;
  /** With their schema. */
  readonly tables: readonly string[];
  /** Names the slot, the publication and the position. */
  readonly name: string;
  /** The name of a topic, with {server}, {db}, {schema} and {table}. */
  readonly topic: string;
  /** Of topics that are made. */
  readonly partitions: number;
  readonly tombstones: boolean;
  /** Whether the rows that are there at the start come first. */
  readonly snapshot: boolean;
  readonly signal: AbortSignal;
  readonly say: (text: string) => unknown;
}

/** A snapshot of large tables takes a while; a transaction of Posthorn may last 15 minutes. */
const TRANSACTION_MS = 900_000;

/** How often PostgreSQL hears of a capture that is busy; it gives up after 60 s of silence. */
const STATUS_MS = 10_000;

export class Capture {
  readonly #packages: PostgresPackages;
  readonly #posthorn: Posthorn;
  readonly #options: CaptureOptions;
  readonly #database: Database;
  readonly #slot: string;
  readonly #made = new Set<string>();
  readonly #tables = new Map<number, Table>();
  #producer!: TransactionalProducer;
  #db = '';
  /** Of the last commit that is stored. */
  #stored = 0n;
  /** Up to where PostgreSQL may forget. */
  #confirmed = 0n;
  /** Of the transaction that is coming in; null: none is, or it is stored already. */
  #open: (Source & { sequence: number }) | null = null;
  #isInside = false;

  constructor(packages: PostgresPackages, posthorn: Posthorn, options: CaptureOptions) {
    this.#packages = packages;
    this.#posthorn = posthorn;
    this.#options = options;
    this.#database = new Database(packages, options.url);
    this.#slot = `posthorn_${options.name}`.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  }

  /** Captures until the signal, or an error. */
  async run(): Promise<void> {
    const { name, signal } = this.#options;
    const producer = this.#posthorn.transactionalProducer({
      transactionalId: `cdc.${name}`,
      transactionTimeoutMs: TRANSACTION_MS,
    });
    this.#producer = producer;
    try {
      this.#db = await this.#database.name();
      await preparePositions(this.#posthorn, name);
      await producer.begin(); // from here on no other instance stores anything
      await this.#database.freeSlot(this.#slot);
      await this.#database.publish(this.#slot, this.#options.tables);
      const position = await readPosition(this.#posthorn, name);
      if (position === null) await this.#start();
      else {
        await producer.abort();
        if (!(await this.#database.hasSlot(this.#slot))) throw this.#slotIsGone();
        this.#stored = numberOfLsn(position);
      }
      if (!signal.aborted) await this.#follow();
    } finally {
      await producer.close().catch(() => {});
      await this.#database.close();
    }
  }

  /** Makes the slot, and stores what the tables hold at its position. */
  async #start(): Promise<void> {
    await this.#database.dropSlot(this.#slot);
    const replication = await this.#database.connect(true);
    let client: Client | null = null;
    try {
      const { consistentLsn, snapshot } = await this.#database.createSlot(replication, this.#slot);
      if (this.#options.snapshot) {
        client = await this.#database.connect();
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`);
        const rows = await this.#snapshot(client, consistentLsn);
        this.#options.say(`snapshot: ${rows} rows`);
      }
      // What the slot brings was committed after that, however near.
      await this.#send(positionTopic(this.#options.name), positionRecord(this.#options.name, '0/0'));
      await this.#producer.commit();
    } finally {
      await client?.end().catch(() => {});
      await replication.end().catch(() => {});
    }
  }

  async #snapshot(client: Client, lsn: string): Promise<number> {
    const { name } = this.#options;
    const source = { name, db: this.#db, txId: 0, lsn, atMs: Date.now(), isSnapshot: true };
    let count = 0;
    for (const each of await this.#database.published(this.#slot)) {
      const keyColumns = await this.#database.keyColumns(each);
      for await (const { columns, row } of this.#database.rows(client, each)) {
        const table = { ...each, columns, keyColumns };
        await this.#store(source, table, { op: 'r', before: null, after: row, sequence: count });
        count += 1;
        if (this.#options.signal.aborted) throw new Failure('interrupted', 'stopped in the snapshot');
      }
    }
    return count;
  }

  /** Follows the log of the database until the signal, or an error. */
  async #follow(): Promise<void> {
    const { LogicalReplicationService, PgoutputPlugin } = this.#packages;
    const { url, signal } = this.#options;
    // Without its own confirmations: they would be of what was received, not of what is stored.
    const service = new LogicalReplicationService(
      { connectionString: url },
      { acknowledge: { auto: false, timeoutSeconds: 0 }, flowControl: { enabled: true } },
    );
    const end = Promise.withResolvers<void>();
    let [received, handled] = [0, 0];
    let isOver = false;
    const finish = (error?: unknown): void => {
      isOver = true;
      if (error === undefined) end.resolve();
      else end.reject(error as Error);
    };
    const plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: [this.#slot] });
    const parse = plugin.parse.bind(plugin);
    plugin.parse = (buffer: Buffer): Pgoutput.Message => {
      received += 1;
      const message = parse(buffer) as Pgoutput.Message;
      if (message.tag === 'relation')
        for (const column of message.columns) column.parser = (text: string) => text;
      return message;
    };
    const confirm = (): void => {
      // The package tells PostgreSQL the position after the one that it is given.
      if (!isOver && this.#confirmed > 0n) void service.acknowledge(lsnOfNumber(this.#confirmed - 1n));
    };
    service.on('data', async (_: string, message: Pgoutput.Message) => {
      if (isOver) return;
      try {
        if (await this.#handle(message)) confirm();
        handled += 1;
      } catch (error) {
        finish(error);
      }
    });
    service.on('heartbeat', (lsn: string) => {
      const isIdle = received === handled && !this.#isInside;
      if (isIdle && numberOfLsn(lsn) > this.#confirmed) this.#confirmed = numberOfLsn(lsn);
      confirm();
    });
    service.on('error', finish);
    const timer = setInterval(confirm, STATUS_MS);
    const stop = (): void => finish();
    signal.addEventListener('abort', stop, { once: true });
    try {
      service
        .subscribe(plugin, this.#slot, '0/00000000')
        .then(() => finish(new Error('PostgreSQL has ended the stream')), finish);
      this.#options.say(`following ${quoted(this.#slot)}`);
      await end.promise;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      await service.destroy().catch(() => {});
    }
  }

  /** @returns whether a transaction is stored, so that PostgreSQL may forget it */
  async #handle(message: Pgoutput.Message): Promise<boolean> {
    switch (message.tag) {
      case 'begin':
        await this.#begin(message);
        return false;
      case 'relation':
        await this.#learn(message);
        return false;
      case 'insert':
        await this.#change(message, 'c', null, message.new);
        return false;
      case 'update':
        await this.#update(message);
        return false;
      case 'delete':
        await this.#change(message, 'd', message.old ?? message.key, null);
        return false;
      case 'truncate':
        for (const relation of message.relations) await this.#change({ relation }, 't', null, null);
        return false;
      case 'commit':
        await this.#commit();
        this.#confirmed = numberOfLsn(message.commitEndLsn ?? '0/0');
        return true;
      case 'message':
      case 'origin':
      case 'type':
        return false;
    }
  }

  async #begin({ commitLsn, commitTime, xid }: Pgoutput.MessageBegin): Promise<void> {
    this.#isInside = true;
    const lsn = commitLsn ?? '0/0';
    if (numberOfLsn(lsn) <= this.#stored) return;
    await this.#producer.begin();
    const atMs = Number((commitTime as bigint) / 1_000n);
    const { name } = this.#options;
    this.#open = { name, db: this.#db, txId: xid >>> 0, lsn, atMs, isSnapshot: false, sequence: 0 };
  }

  async #commit(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    this.#isInside = false;
    if (open === null) return;
    const { name } = this.#options;
    await this.#send(positionTopic(name), positionRecord(name, open.lsn));
    await this.#producer.commit();
    this.#stored = numberOfLsn(open.lsn);
  }

  async #learn({ relationOid, schema, name, columns }: Pgoutput.MessageRelation): Promise<void> {
    const keyColumns = await this.#database.keyColumns({ schema, name });
    this.#tables.set(relationOid, { schema, name, columns, keyColumns });
  }

  /** A row whose key changes is another row: it is deleted, and made. */
  async #update(message: Pgoutput.MessageUpdate): Promise<void> {
    const { relation, key, old, new: after } = message;
    const table = this.#tables.get(relation.relationOid);
    const before = old ?? key;
    if (table && before && keyOfRow(before, table) !== keyOfRow(after, table)) {
      await this.#change({ relation }, 'd', before, null);
      await this.#change({ relation }, 'c', null, after);
    } else await this.#change({ relation }, 'u', old, after);
  }

  async #change(
    { relation }: { relation: Pgoutput.MessageRelation },
    op: Op,
    before: Row | null,
    after: Row | null,
  ): Promise<void> {
    const open = this.#open;
    if (open === null) return; // it is stored already
    const table = this.#tables.get(relation.relationOid);
    if (table === undefined) throw new Error(`PostgreSQL has not described table ${relation.name}`);
    await this.#store(open, table, { op, before, after, sequence: open.sequence++ });
  }

  async #store(
    source: Source,
    table: Table,
    change: { op: Op; before: Row | null; after: Row | null; sequence: number },
  ): Promise<void> {
    const topic = this.#topicOf(table);
    if (!this.#made.has(topic)) {
      await makeTopic(this.#posthorn, topic, { partitions: this.#options.partitions });
      this.#made.add(topic);
    }
    const { key, value } = changeRecord(source, table, change);
    await this.#send(topic, { key, value: value === null ? null : new TextEncoder().encode(value) });
    if (change.op === 'd' && this.#options.tombstones && key !== null)
      await this.#send(topic, { key, value: null });
  }

  /** Its outcome is known at the commit. */
  async #send(topic: string, record: { key: string | null; value: Uint8Array | null }): Promise<void> {
    void this.#producer.send(topic, record).catch(() => {});
    await this.#producer.ready();
  }

  #topicOf({ schema, name }: Table): string {
    const parts: Record<string, string> = { server: this.#options.name, db: this.#db, schema, table: name };
    const topic = this.#options.topic.replaceAll(/\{(\w+)\}/g, (_, part: string) => parts[part] ?? '');
    return topic.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  }

  #slotIsGone(): Failure {
    return new Failure(
      'failed',
      `the slot ${this.#slot} is gone, and with it the changes since the last run`,
      { advice: [`To begin anew with a snapshot, delete the topic ${positionTopic(this.#options.name)}`] },
    );
  }
}
