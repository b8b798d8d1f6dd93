/**
 * Change store: the version of a topology and the log of its changes. Routers follow the log, and the affected objects
 * are told.
 *
 *   topology   one row, absent before the first change: the version, which grows by one per change
 *   changes    one row a change, keyed by the version that it made, the oldest removed now and then: a router whose version
 *              is older than the log starts anew
 *   effects    one row for what still has to be told to the objects of a topic, queue, schedule or subscription: written with the change itself
 *              and removed when all of them know, so that a crash in between repeats it
 */

import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import type { TopologyChange } from '../../../core/topology/routing/routing-graph.ts';
import type { ScheduleDefinition } from '../../../core/topology/schedules.ts';
import type { SubscriptionDefinition } from '../../../core/topology/subscriptions.ts';
import type { TopicDefinition } from '../../../core/topology/topics.ts';
import type { Sql } from '../../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS topology (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS changes (version INTEGER PRIMARY KEY, json TEXT NOT NULL)',
  'CREATE TABLE IF NOT EXISTS effects (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, json TEXT NOT NULL)',
];

/** The number of changes to keep. A router that missed more reads everything, which is then hardly more work. */
const CHANGES_KEPT = 10_000;
/** How often the log is cut, in changes: two rows written a change in the long run, one at its time. */
const CHANGES_PER_CUT = 1_000;

interface TopicEffect {
  id: number;
  kind: 'configure' | 'destroy';
  definition: TopicDefinition;
}

interface QueueEffect {
  id: number;
  kind: 'configure-queue' | 'destroy-queue';
  definition: QueueDefinition;
}

interface ScheduleEffect {
  id: number;
  kind: 'configure-schedule' | 'destroy-schedule';
  definition: ScheduleDefinition;
}

interface SubscriptionEffect {
  id: number;
  kind: 'configure-subscription' | 'destroy-subscription';
  definition: SubscriptionDefinition;
}

export type Effect = TopicEffect | QueueEffect | ScheduleEffect | SubscriptionEffect;

export function isQueueEffect(effect: Effect): effect is QueueEffect {
  return effect.kind === 'configure-queue' || effect.kind === 'destroy-queue';
}

export function isScheduleEffect(effect: Effect): effect is ScheduleEffect {
  return effect.kind === 'configure-schedule' || effect.kind === 'destroy-schedule';
}

export function isSubscriptionEffect(effect: Effect): effect is SubscriptionEffect {
  return effect.kind === 'configure-subscription' || effect.kind === 'destroy-subscription';
}

export class ChangeStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of SCHEMA) sql.run(statement);
  }

  version(): number {
    return this.#sql.all<{ version: number }>('SELECT version FROM topology')[0]?.version ?? 0;
  }

  /** Goes on from a version without the changes up to it: routers that know an older one start anew. */
  startAt(version: number): void {
    this.#sql.run('INSERT OR REPLACE INTO topology VALUES (1, ?)', version);
  }

  /** Notes a change, which makes the next version. */
  note(change: TopologyChange): void {
    const version = this.version() + 1;
    this.#sql.run('INSERT OR REPLACE INTO topology VALUES (1, ?)', version);
    this.#sql.run('INSERT INTO changes VALUES (?, ?)', version, JSON.stringify(change));
    if (version % CHANGES_PER_CUT === 0) {
      this.#sql.run('DELETE FROM changes WHERE version <= ?', version - CHANGES_KEPT);
    }
  }

  /** The changes after a version as JSON texts, oldest first; null if the log does not reach back so far. */
  since(version: number, limit: number): Iterable<{ json: string }> | null {
    const current = this.version();
    if (version > current) return null;
    if (version === current) return [];
    if (this.#sql.all('SELECT 1 FROM changes WHERE version = ?', version + 1).length === 0) return null;
    return this.#sql.each<{ json: string }>(
      'SELECT json FROM changes WHERE version > ? ORDER BY version LIMIT ?',
      version,
      limit,
    );
  }

  addEffect(kind: Effect['kind'], definition: Effect['definition']): void {
    this.#sql.run('INSERT INTO effects (kind, json) VALUES (?, ?)', kind, JSON.stringify(definition));
  }

  /** The oldest effects after an id. */
  effectsAfter(id: number, limit: number): Effect[] {
    return this.#sql
      .all<EffectRow>('SELECT * FROM effects WHERE id > ? ORDER BY id LIMIT ?', id, limit)
      .map(effectOf);
  }

  /** The effects of everything of this name, oldest first: a scan of what has not been told yet. */
  effectsOf(name: string): Effect[] {
    return this.#sql
      .all<EffectRow>("SELECT * FROM effects WHERE json_extract(json, '$.name') = ? ORDER BY id", name)
      .map(effectOf);
  }

  /** All effects, oldest first, one by one. */
  *effects(): IterableIterator<Effect> {
    for (const row of this.#sql.each<EffectRow>('SELECT * FROM effects ORDER BY id')) yield effectOf(row);
  }

  hasEffect(id: number): boolean {
    return this.#sql.all('SELECT 1 FROM effects WHERE id = ?', id).length > 0;
  }

  removeEffect(id: number): void {
    this.#sql.run('DELETE FROM effects WHERE id = ?', id);
  }
}

type EffectRow = { id: number; kind: string; json: string };

function effectOf({ id, kind, json }: EffectRow): Effect {
  return { id, kind, definition: JSON.parse(json) as unknown } as Effect;
}
