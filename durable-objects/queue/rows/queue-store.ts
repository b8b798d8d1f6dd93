/** Every statement on the tables of a queue (queue-schema.ts). */

import {
  LANES,
  laneOfRowKey,
  offsetOfRowKey,
  rowKeyOf,
  PRODUCERS_ROW_KEY,
} from '../../../core/queue/state/lane.ts';
import type { LaneExtent } from '../../../core/queue/state/segment-state.ts';
import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { hasTable, type Sql, type SqlRow } from '../../storage/sql.ts';
import { PRODUCERS_TABLE, QUEUE_SCHEMA } from './queue-schema.ts';

/** The version of the table layout: docs/storage-format.md. */
const FORMAT = 3;

export interface StoredExtent extends LaneExtent {
  maxTimestamp: number;
}

export interface StoredDefinition {
  definition: QueueDefinition;
  isPaused: boolean;
  /**
   * When somebody took messages from it or declared it last, in ms; it may have been a little later. `IN_USE`: streams were open
   * when the row was written, so that their end counts, or the next start of the object if they ended with it.
   */
  usedMs: number;
}

export const IN_USE = Number.MAX_SAFE_INTEGER;

interface ExtentRow extends SqlRow {
  place: number;
  next_offset: number;
  max_timestamp: number;
  position: number;
  bytes: number;
  is_plain: number;
}

export interface DeliveryRow extends SqlRow {
  slot: number;
  place: number;
  next_offset: number;
  json: string;
}

const EXTENT = 'place, next_offset, max_timestamp, position, bytes, is_plain';

export class QueueStore {
  readonly #sql: Sql;
  /** There is a table `producers`. */
  #hasProducers = false;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  readQueue(): StoredDefinition | null {
    if (!hasTable(this.#sql, 'queue')) return null;
    const [row] = this.#sql.all<{ format: number; json: string; is_paused: number; used_ms: number }>(
      'SELECT format, json, is_paused, used_ms FROM queue',
    );
    if (row === undefined) return null;
    if (row.format === 1 || row.format === 2) this.#migrate(row.format);
    else if (row.format !== FORMAT) {
      throw new Error(`the queue is stored in format ${row.format}; this version reads format ${FORMAT}`);
    }
    const definition = JSON.parse(row.json) as QueueDefinition;
    return { definition, isPaused: row.is_paused === 1, usedMs: row.used_ms };
  }

  writeQueue({ definition, isPaused, usedMs }: StoredDefinition): void {
    this.#sql.transaction(() => {
      for (const statement of QUEUE_SCHEMA) this.#sql.run(statement);
      this.#sql.run(
        'INSERT OR REPLACE INTO queue VALUES (1, ?, ?, ?, ?)',
        FORMAT,
        JSON.stringify(definition),
        isPaused ? 1 : 0,
        usedMs,
      );
    });
  }

  /** Until when the queue takes nothing more, because it is being deleted; 0 for one that is open. */
  readClosedUntil(): number {
    if (!hasTable(this.#sql, 'closing')) return 0;
    const [row] = this.#sql.all<{ until_ms: number }>('SELECT until_ms FROM closing');
    return row?.until_ms ?? 0;
  }

  /** Few queues ever need the table, so it is made here. */
  writeClosedUntil(untilMs: number): void {
    this.#sql.transaction(() => {
      this.#sql.run(
        'CREATE TABLE IF NOT EXISTS closing (id INTEGER PRIMARY KEY CHECK (id = 1), until_ms INTEGER)',
      );
      this.#sql.run('INSERT OR REPLACE INTO closing VALUES (1, ?)', untilMs);
    });
  }

  #migrate(from: 1 | 2): void {
    this.#sql.transaction(() => {
      if (from === 1) this.#migrateParked();
      else this.#sql.run('ALTER TABLE totals ADD COLUMN producers TEXT');
      this.#sql.run('ALTER TABLE segments ADD COLUMN producers TEXT');
      this.#sql.run('UPDATE queue SET format = ?', FORMAT);
    });
  }

  /** From format 1, in which parked messages were counted by reading them all. */
  #migrateParked(): void {
    this.#sql.run('ALTER TABLE parked RENAME TO old_parked');
    this.#sql.run('ALTER TABLE outbox RENAME TO old_outbox');
    for (const statement of QUEUE_SCHEMA) this.#sql.run(statement);
    this.#sql.run('INSERT INTO parked SELECT lane % 2, due_ms, seq, lane, count, data FROM old_parked');
    this.#sql.run("INSERT INTO outbox SELECT number, count, '', '', data FROM old_outbox");
    this.#sql.run(
      `INSERT INTO totals (id, parked, parked_bytes, reserved, lost)
         SELECT 1, coalesce(sum(count), 0), coalesce(sum(length(data)), 0), 0, ? FROM old_parked`,
      JSON.stringify({ cycle: 0, hop_limit: 0, unroutable: 0, dropped: 0 }),
    );
    this.#sql.run('DROP TABLE old_parked');
    this.#sql.run('DROP TABLE old_outbox');
  }

  insertSegment(extent: StoredExtent, producers: string | null, data: Uint8Array): void {
    this.#sql.run(
      `INSERT INTO segments (${EXTENT}, producers, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      rowKeyOf(extent.lane, extent.baseOffset),
      extent.nextOffset,
      extent.maxTimestamp,
      extent.position,
      extent.bytes,
      extent.isPlain ? 1 : 0,
      producers,
      data,
    );
  }

  replaceSegment(extent: StoredExtent, producers: string | null, data: Uint8Array): void {
    this.#sql.run(
      `UPDATE segments SET next_offset = ?, max_timestamp = ?, bytes = ?, is_plain = ?, producers = ?, data = ?
       WHERE place = ?`,
      extent.nextOffset,
      extent.maxTimestamp,
      extent.bytes,
      extent.isPlain ? 1 : 0,
      producers,
      data,
      rowKeyOf(extent.lane, extent.baseOffset),
    );
  }

  deleteSegment(rowKey: number): void {
    this.#sql.run('DELETE FROM segments WHERE place = ?', rowKey);
  }

  /** As `deleteSegment`, and as many rows: the row stays under a key of its own with what it tells of producers. */
  reserveSegment(rowKey: number, producers: string): void {
    this.#sql.run(
      "UPDATE OR REPLACE segments SET place = ?, bytes = 0, producers = ?, data = x'' WHERE place = ?",
      PRODUCERS_ROW_KEY,
      producers,
      rowKey,
    );
  }

  deleteSegmentsFrom(lane: number, from: number): void {
    this.#sql.run(
      'DELETE FROM segments WHERE place >= ? AND place < ?',
      rowKeyOf(lane, from),
      rowKeyOf(lane + 1, 0),
    );
  }

  readData(rowKey: number): Uint8Array {
    const [row] = this.#sql.all<{ data: Uint8Array }>('SELECT data FROM segments WHERE place = ?', rowKey);
    if (!row) throw new Error(`there is no segment in row ${rowKey}`);
    return row.data;
  }

  extent(rowKey: number): StoredExtent | null {
    const [row] = this.#sql.all<ExtentRow>(`SELECT ${EXTENT} FROM segments WHERE place = ?`, rowKey);
    return row ? extentOf(row) : null;
  }

  /** The segment of the lane that holds the offset, or the next one. */
  extentAt(lane: number, offset: number): StoredExtent | null {
    const [before] = this.#sql.all<ExtentRow>(
      `SELECT ${EXTENT} FROM segments WHERE place >= ? AND place <= ? ORDER BY place DESC LIMIT 1`,
      rowKeyOf(lane, 0),
      rowKeyOf(lane, offset),
    );
    if (before && before.next_offset > offset) return extentOf(before);
    const [after] = this.#sql.all<ExtentRow>(
      `SELECT ${EXTENT} FROM segments WHERE place > ? AND place < ? ORDER BY place LIMIT 1`,
      rowKeyOf(lane, offset),
      rowKeyOf(lane + 1, 0),
    );
    return after ? extentOf(after) : null;
  }

  /** The last segment of each lane that has any: one look-up each. */
  tails(): StoredExtent[] {
    const tails: StoredExtent[] = [];
    for (let below = LANES; below > 0; below = tails[tails.length - 1]!.lane) {
      const [row] = this.#sql.all<ExtentRow>(
        `SELECT ${EXTENT} FROM segments WHERE place >= 0 AND place < ? ORDER BY place DESC LIMIT 1`,
        rowKeyOf(below, 0),
      );
      if (!row) break;
      tails.push(extentOf(row));
    }
    return tails;
  }

  /** What the tails of the lanes and the reserved row tell of producers. */
  producerTexts(): { holder: number; text: string }[] {
    const rowKeys = this.tails().map(({ lane, baseOffset }) => rowKeyOf(lane, baseOffset));
    return [PRODUCERS_ROW_KEY, ...rowKeys].flatMap((holder) => {
      const [row] = this.#sql.all<{ producers: string | null }>(
        'SELECT producers FROM segments WHERE place = ?',
        holder,
      );
      return row?.producers ? { holder, text: row.producers } : [];
    });
  }

  producerSnapshot(): { version: number; json: string } | null {
    this.#hasProducers = hasTable(this.#sql, 'producers');
    if (!this.#hasProducers) return null;
    const [row] = this.#sql.all<{ version: number; json: string }>('SELECT version, json FROM producers');
    return row ?? null;
  }

  writeProducerSnapshot(version: number, json: string): void {
    if (!this.#hasProducers) this.#sql.run(PRODUCERS_TABLE);
    this.#hasProducers = true; // if it is undone, all is read anew
    this.#sql.run('INSERT OR REPLACE INTO producers VALUES (1, ?, ?)', version, json);
  }

  deliveryRows(): DeliveryRow[] {
    return this.#sql.all<DeliveryRow>('SELECT slot, place, next_offset, json FROM delivery');
  }

  insertDelivery(slot: number, rowKey: number, nextOffset: number, json: string): void {
    this.#sql.run('INSERT INTO delivery VALUES (?, ?, ?, ?)', slot, rowKey, nextOffset, json);
  }

  updateDelivery(slot: number, rowKey: number, nextOffset: number, json: string): void {
    this.#sql.run(
      'UPDATE delivery SET place = ?, next_offset = ?, json = ? WHERE slot = ?',
      rowKey,
      nextOffset,
      json,
      slot,
    );
  }

  deleteDelivery(slot: number): void {
    this.#sql.run('DELETE FROM delivery WHERE slot = ?', slot);
  }

  insertIds(untilMs: number, ids: readonly string[]): void {
    this.#sql.run('INSERT INTO dedup (until_ms, ids) VALUES (?, ?)', untilMs, JSON.stringify(ids));
  }

  idRows(): { until_ms: number; ids: string }[] {
    return this.#sql.all('SELECT until_ms, ids FROM dedup ORDER BY id');
  }

  /** Removes rows whose ids are forgotten. They are in the order of their time unless the window was made shorter. */
  deleteIds(nowMs: number): void {
    this.#sql.run(
      `DELETE FROM dedup WHERE id < coalesce((SELECT id FROM dedup WHERE until_ms > ? ORDER BY id LIMIT 1), 1e15)`,
      nowMs,
    );
  }

  sourceNumber(name: string): number {
    const [row] = this.#sql.all<{ number: number }>('SELECT number FROM sources WHERE name = ?', name);
    return row?.number ?? -1;
  }

  writeSource(name: string, number: number): void {
    this.#sql.run('INSERT OR REPLACE INTO sources VALUES (?, ?)', name, number);
  }
}

function extentOf(row: ExtentRow): StoredExtent {
  return {
    lane: laneOfRowKey(row.place),
    baseOffset: offsetOfRowKey(row.place),
    nextOffset: row.next_offset,
    maxTimestamp: row.max_timestamp,
    position: row.position,
    bytes: row.bytes,
    isPlain: row.is_plain === 1,
  };
}
