/** Every statement on the table `replays` (queue-schema.ts), which has moves too. */

import { REPLAYS_MAX } from '../../../protocol/limits.ts';
import type { Sql } from '../../storage/sql.ts';
import { isMove, type StoredMove } from '../../../core/queue/messages/move.ts';
import type { StoredReplay } from '../../../core/queue/replay.ts';

export class ReplayStore {
  readonly #sql: Sql;
  #known: (StoredReplay | StoredMove)[] | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The oldest first. There are few, so they are read once and kept in memory. */
  all(): readonly (StoredReplay | StoredMove)[] {
    this.#known ??= this.#sql
      .all<{ json: string }>('SELECT json FROM replays')
      .map(({ json }) => JSON.parse(json) as StoredReplay | StoredMove)
      .sort((a, b) => a.startedMs - b.startedMs);
    return this.#known;
  }

  /** Writes it, and forgets the oldest that have ended if they are too many. */
  put(replay: StoredReplay | StoredMove): void {
    const others = this.all().filter((one) => one.id !== replay.id && isMove(one) === isMove(replay));
    this.#known = null; // read anew, also if this commit fails
    this.#sql.run('INSERT OR REPLACE INTO replays VALUES (?, ?)', replay.id, JSON.stringify(replay));
    const ended = others.filter(({ state }) => state !== 'running');
    for (const { id } of ended.slice(0, Math.max(0, others.length + 1 - REPLAYS_MAX))) {
      this.#sql.run('DELETE FROM replays WHERE id = ?', id);
    }
  }
}
