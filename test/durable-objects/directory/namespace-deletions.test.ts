/** Deletions of namespaces, broken off at every call. */

import { describe, expect, it } from 'vitest';
import type { Namespace } from '../../../core/access/namespace.ts';
import type { Token } from '../../../core/access/token.ts';
import { ChangeLog } from '../../../durable-objects/directory/change-log.ts';
import { NamespaceDeletions } from '../../../durable-objects/directory/namespace-deletions.ts';
import { NamespaceStore } from '../../../durable-objects/directory/namespace-store.ts';
import { TokenStore } from '../../../durable-objects/directory/token-store.ts';
import type { Env } from '../../../durable-objects/env.ts';
import type { Cleared, TopologyFloor } from '../../../durable-objects/rpc/topology.ts';
import { Alarm } from '../../../durable-objects/runtime/alarm.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

const OBJECTS = 5;
const PER_SLICE = 2;

/** Topologies of all namespaces, whose n-th call fails: before it does anything, or with its answer lost. */
class Topologies {
  left = OBJECTS;
  wiped: TopologyFloor | null = null;
  calls = 0;
  readonly floors: (TopologyFloor | null)[] = [];
  readonly #failing: number;
  readonly #isLate: boolean;

  constructor(failing: number, isLate: boolean) {
    this.#failing = failing;
    this.#isLate = isLate;
  }

  getByName = (): unknown => ({
    clear: (floor: TopologyFloor | null) =>
      this.#call((): Cleared => {
        this.floors.push(floor);
        const freed = Math.min(PER_SLICE, this.left);
        this.left -= freed;
        return { freed, left: this.left, isDone: this.left === 0, floor: { version: 7, producerId: 1_000 } };
      }),
    wipe: (floor: TopologyFloor) =>
      this.#call(() => {
        expect(this.left).toBe(0);
        this.wiped = floor;
      }),
  });

  async #call<Answer>(act: () => Answer): Promise<Answer> {
    const isFailing = ++this.calls === this.#failing;
    if (isFailing && !this.#isLate) throw new Error('not reached, as the test asked for');
    const answer = act();
    if (isFailing) throw new Error('the answer was lost, as the test asked for');
    return answer;
  }
}

/** A directory as it wakes up on what is stored. */
async function wake(sql: NodeSql, topologies: Topologies): Promise<NamespaceStore> {
  const works: Promise<unknown>[] = [];
  const namespaces = new NamespaceStore(sql);
  const alarm = new Alarm({ getAlarm: async () => null, setAlarm: async () => {} }, null, () => Date.now());
  const deletions = new NamespaceDeletions({
    env: { TOPOLOGY: topologies } as unknown as Env,
    sql,
    alarm,
    waitUntil: (work) => void works.push(work),
    namespaces,
    tokens: new TokenStore(sql),
    changes: new ChangeLog(sql),
  });
  deletions.begin();
  await Promise.all(works);
  return namespaces;
}

const token = (id: string, namespace: string): Token => ({ id, namespace, lastUsedMs: null }) as Token;

describe('a deletion that is broken off', () => {
  for (const isLate of [false, true]) {
    for (let failing = 0; failing <= 5; failing++) {
      it(`at call ${failing}, ${isLate ? 'after' : 'before'} it did its work`, async () => {
        const sql = new NodeSql();
        const stored = new NamespaceStore(sql);
        const tokens = new TokenStore(sql);
        stored.put({
          name: 'gone',
          createdMs: 1,
          deletion: { startedMs: 2, freed: 0, left: null },
        } as Namespace);
        stored.putDeletion('gone', null);
        stored.put({ name: 'kept', createdMs: 1 });
        for (let nth = 0; nth < 1_500; nth++) tokens.put(token(`t${nth}`, 'gone'));
        tokens.put(token('other', 'kept'));
        const topologies = new Topologies(failing, isLate);
        const first = await wake(sql, topologies);
        if (failing > 0 && failing <= 4) {
          expect(first.get('gone')?.deletion?.startedMs).toBe(2);
          await wake(sql, topologies);
        }
        expect(topologies.wiped).toEqual({ version: 7, producerId: 1_000 });
        const after = new NamespaceStore(sql);
        expect([after.get('gone'), after.deletions()]).toEqual([null, []]);
        expect(after.get('kept')).not.toBeNull();
        expect(tokens.page({ only: 'gone', namespace: 'gone', id: '' }, 1).tokens).toEqual([]);
        expect(tokens.get('other')).not.toBeNull();
        // What was reached is known to the next call, so that nothing restarts below it.
        expect(topologies.floors.slice(2).every((floor) => floor?.version === 7)).toBe(true);
      });
    }
  }
});
