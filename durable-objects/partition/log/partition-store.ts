/**
 * Partition store: the definition of the partition, one row, written when the topic is created or changed. Without it
 * the partition does not exist: it was never created, or its topic was deleted.
 */

import { completeTopic } from '../../../core/topology/topics.ts';
import type { PartitionDefinition } from '../../rpc/partition.ts';
import type { Storing } from '../../runtime/stored-meter.ts';
import { SegmentLog } from '../../storage/segment-log.ts';
import { tableNames, type Sql } from '../../storage/sql.ts';

/** What is in the rows of a partition. */
interface StoredPartition {
  definition: PartitionDefinition;
  /** Segments of it have ever been on their way to the bucket: tier/tier-store.ts. */
  isTiered: boolean;
}

/** The version of the table layout: docs/storage-format.md. */
const FORMAT = 1;

/** Returns the partition as the quota of stored bytes counts it. */
export function storingPartition({ topic, partition }: PartitionDefinition): Storing {
  const { namespace, name, id } = topic;
  return { namespace, kind: 'partition', name, id, partition };
}

export class PartitionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  read(): StoredPartition | null {
    const tables = tableNames(this.#sql);
    if (!tables.has('definition')) return null;
    const [row] = this.#sql.all<{ format: number; json: string }>('SELECT format, json FROM definition');
    if (row === undefined) return null;
    if (row.format !== FORMAT) {
      throw new Error(`the partition is stored in format ${row.format}; this version reads format ${FORMAT}`);
    }
    const { topic, partition } = JSON.parse(row.json) as PartitionDefinition;
    return { definition: { topic: completeTopic(topic), partition }, isTiered: tables.has('orphans') };
  }

  write(definition: PartitionDefinition): void {
    this.#sql.transaction(() => {
      this.#sql.run(
        'CREATE TABLE IF NOT EXISTS definition (id INTEGER PRIMARY KEY CHECK (id = 1), format INTEGER, json TEXT)',
      );
      SegmentLog.createTables(this.#sql);
      this.#sql.run('INSERT OR REPLACE INTO definition VALUES (1, ?, ?)', FORMAT, JSON.stringify(definition));
    });
  }
}
