/**
 * Namespace deletions: frees the objects of namespaces that are deleted, slice by slice, each slice by a call to the topology
 * of the namespace. What was reached is stored after each slice. A crash repeats at most one slice, which changes nothing more.
 *
 *   step      what it does                                             stored before the next
 *   -------   ------------------------------------------------------   ---------------------------------------
 *   clear     the topology closes, and frees some objects              how many, and the floor
 *   objects   the bucket loses its large bodies, in slices
 *   wipe      the topology frees itself, down to the floor
 *   forget    the directory removes the tokens, then the namespace     in slices
 */

import { advanceDeletion } from '../../core/access/namespace.ts';
import type { Env } from '../env.ts';
import type { TopologyFloor } from '../rpc/topology.ts';
import { removeObjects } from '../objects/remove-objects.ts';
import type { Alarm } from '../runtime/alarm.ts';
import type { Sql } from '../storage/sql.ts';
import { topologyStub } from '../stubs.ts';
import type { ChangeLog } from './change-log.ts';
import type { NamespaceStore } from './namespace-store.ts';
import type { TokenStore } from './token-store.ts';

/** After an object could not be freed, and after a crash. */
const RETRY_DELAY_MS = 5_000;

/** Rows of tokens that are removed in one commit. */
const TOKENS_PER_SLICE = 1_000;

export interface DeletionsHost {
  readonly env: Env;
  readonly sql: Sql;
  readonly alarm: Alarm;
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly namespaces: NamespaceStore;
  readonly tokens: TokenStore;
  readonly changes: ChangeLog;
}

export class NamespaceDeletions {
  readonly #host: DeletionsHost;
  #running: Promise<void> | null = null;

  constructor(host: DeletionsHost) {
    this.#host = host;
    host.alarm.register('deletions', (nowMs) => {
      if (host.namespaces.deletions().length === 0) return null;
      host.waitUntil(this.#run());
      return nowMs + RETRY_DELAY_MS;
    });
    if (host.namespaces.deletions().length > 0) host.alarm.schedule('deletions', Date.now() + 1);
  }

  /** Called after a deletion was stored. */
  begin(): void {
    this.#host.alarm.scheduleEarlier('deletions', Date.now() + RETRY_DELAY_MS);
    this.#host.waitUntil(this.#run());
  }

  #run(): Promise<void> {
    this.#running ??= this.#runAll().finally(() => (this.#running = null));
    return this.#running;
  }

  /** Each goes as far as it can. One that gets stuck does not hold up the others; the alarm tries it again. */
  async #runAll(): Promise<void> {
    const stuck = new Set<string>();
    for (;;) {
      const next = this.#host.namespaces.deletions().find(({ name }) => !stuck.has(name));
      if (!next) return;
      try {
        if (!(await this.#step(next.name, next.floor))) stuck.add(next.name);
      } catch (error) {
        console.error(`namespace ${next.name} could not be deleted yet; trying again`, error);
        stuck.add(next.name);
      }
    }
  }

  /** @returns false if nothing could be done now */
  async #step(name: string, floor: TopologyFloor | null): Promise<boolean> {
    const topology = topologyStub(this.#host.env, name);
    const cleared = await topology.clear(floor);
    this.#advance(name, cleared.freed, cleared.left, cleared.floor);
    if (!cleared.isDone) return cleared.freed > 0;
    const { OBJECTS: bucket } = this.#host.env;
    if (bucket && !(await removeObjects(bucket, name))) return true;
    await topology.wipe(cleared.floor);
    this.#forget(name);
    return true;
  }

  #advance(name: string, freed: number, left: number, floor: TopologyFloor): void {
    const { namespaces, sql } = this.#host;
    const namespace = namespaces.get(name);
    if (namespace === null) return;
    sql.transaction(() => {
      namespaces.put(advanceDeletion(namespace, freed, left));
      namespaces.putDeletion(name, floor);
    });
  }

  #forget(name: string): void {
    const { namespaces, tokens, changes, sql } = this.#host;
    while (!sql.transaction(() => tokens.removeSome(name, TOKENS_PER_SLICE)));
    sql.transaction(() => {
      namespaces.remove(name);
      changes.note({ kind: 'namespace', name });
    });
  }
}
