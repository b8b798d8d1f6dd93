/**
 * The tables of a namespace's topology.
 *
 *   topology   one row, absent before the first change: the version, which grows by one per change
 *   topics     one row a topic, replaced when it changes: the definition as JSON
 *   effects    one row for what still has to be told to the objects of a topic: written with the change itself and
 *              removed when all of them know, so that a crash in between repeats it
 */

import type { TopicDefinition } from '../../core/topology/topics.ts';
import type { Sql } from '../storage/sql.ts';

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS topology (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL)',
  'CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS effects (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, json TEXT NOT NULL)',
];

export interface Effect {
  id: number;
  kind: 'configure' | 'destroy';
  topic: TopicDefinition;
}

export class TopologyStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const statement of SCHEMA) sql.run(statement);
  }

  version(): number {
    return this.#sql.all<{ version: number }>('SELECT version FROM topology')[0]?.version ?? 0;
  }

  topic(name: string): TopicDefinition | null {
    const [row] = this.#sql.all<{ json: string }>('SELECT json FROM topics WHERE name = ?', name);
    return row ? (JSON.parse(row.json) as TopicDefinition) : null;
  }

  topics(): TopicDefinition[] {
    return this.#sql
      .all<{ json: string }>('SELECT json FROM topics ORDER BY name')
      .map(({ json }) => JSON.parse(json) as TopicDefinition);
  }

  /** Creates or replaces a topic, as the change of its version. */
  putTopic(topic: TopicDefinition): void {
    this.#sql.transaction(() => {
      this.#sql.run('INSERT OR REPLACE INTO topics VALUES (?, ?)', topic.name, JSON.stringify(topic));
      this.#changed(topic.version, 'configure', topic);
    });
  }

  removeTopic(topic: TopicDefinition, version: number): void {
    this.#sql.transaction(() => {
      this.#sql.run('DELETE FROM topics WHERE name = ?', topic.name);
      this.#changed(version, 'destroy', topic);
    });
  }

  nextEffect(): Effect | null {
    const [row] = this.#sql.all<{ id: number; kind: string; json: string }>(
      'SELECT * FROM effects ORDER BY id LIMIT 1',
    );
    if (!row) return null;
    return { id: row.id, kind: row.kind as Effect['kind'], topic: JSON.parse(row.json) as TopicDefinition };
  }

  removeEffect(id: number): void {
    this.#sql.run('DELETE FROM effects WHERE id = ?', id);
  }

  #changed(version: number, kind: Effect['kind'], topic: TopicDefinition): void {
    this.#sql.run('INSERT OR REPLACE INTO topology VALUES (1, ?)', version);
    this.#sql.run('INSERT INTO effects (kind, json) VALUES (?, ?)', kind, JSON.stringify(topic));
  }
}
