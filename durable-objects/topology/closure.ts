/**
 * Closure: whether the namespace was deleted. A closed topology takes no declarations, so that a router or an object that
 * has not heard of the deletion makes nothing. It stays closed until a namespace of the name is made again.
 *
 *   closed   one row. Absent: it is open. The table is made with the row
 *
 * The floor goes on in the next namespace of the name: routers that still know the one before must not take an old version for
 * a new one, and producers must not get an id twice.
 */

import type { TopologyFloor } from '../rpc/topology.ts';
import { hasTable, type Sql } from '../storage/sql.ts';
import { nextProducerId, startProducerIdsAt } from './producer-ids.ts';
import type { ChangeStore } from './propagation/change-store.ts';

export class Closure {
  readonly #sql: Sql;
  readonly #changes: ChangeStore;
  #isClosed: boolean;

  constructor(sql: Sql, changes: ChangeStore) {
    this.#sql = sql;
    this.#changes = changes;
    this.#isClosed = hasTable(sql, 'closed') && sql.all('SELECT id FROM closed').length > 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  floor(): TopologyFloor {
    return { version: this.#changes.version(), producerId: nextProducerId(this.#sql) };
  }

  /** Changes nothing if it is closed already, and above the floor. */
  close(floor: TopologyFloor | null): void {
    const known = this.floor();
    const isAbove =
      floor === null || (known.version >= floor.version && known.producerId >= floor.producerId);
    if (this.#isClosed && isAbove) return;
    this.#sql.transaction(() => {
      this.#sql.run('CREATE TABLE IF NOT EXISTS closed (id INTEGER PRIMARY KEY CHECK (id = 1))');
      this.#sql.run('INSERT OR REPLACE INTO closed VALUES (1)');
      // A version of its own: who knows the last one has to ask again.
      this.#changes.startAt(Math.max(known.version, floor?.version ?? 0) + 1);
      startProducerIdsAt(this.#sql, Math.max(known.producerId, floor?.producerId ?? 0));
    });
    this.#isClosed = true;
  }

  open(): void {
    if (!this.#isClosed) return;
    this.#sql.run('DELETE FROM closed');
    this.#isClosed = false;
  }
}
