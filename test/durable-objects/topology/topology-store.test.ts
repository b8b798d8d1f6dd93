/** The tables of a topology and their log, on `node:sqlite`: what is left after each change, and that routers can follow. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { BindingDeclaration, DestinationKind } from '../../../core/exchange/binding.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingGraph, type TopologyChange } from '../../../core/topology/routing/routing-graph.ts';
import {
  bindingsIn,
  declareBindingsIn,
  declareExchangeIn,
  deleteBindingIn,
  deleteExchangeIn,
} from '../../../durable-objects/topology/definitions/exchanges.ts';
import { exchangePage } from '../../../durable-objects/topology/definitions/definition-pages.ts';
import { changesSince, snapshotPage } from '../../../durable-objects/topology/routing/routing-feed.ts';
import { LocalGraph } from '../../../durable-objects/topology/routing/local-graph.ts';
import { deletePolicyIn, putPolicyIn } from '../../../durable-objects/topology/definitions/policies.ts';
import { changeQueueIn, declareQueueIn } from '../../../durable-objects/topology/definitions/queues.ts';
import type { BindingList, BindingsOf, SnapshotPosition } from '../../../durable-objects/rpc/topology.ts';
import { TopologyStore } from '../../../durable-objects/topology/topology-store.ts';
import { PAGE_BYTES_MAX } from '../../../protocol/limits.ts';
import { NodeSql } from '../../support/broker/node-sql.ts';

let sql: NodeSql;
let store: TopologyStore;
beforeEach(() => {
  sql = new NodeSql();
  store = new TopologyStore(sql);
});

const to = (source: string, kind: DestinationKind, name: string, routing_key = ''): BindingDeclaration => ({
  source,
  destination: { kind, name },
  routing_key,
  arguments: {},
});
const bind = (...declarations: BindingDeclaration[]) => declareBindingsIn(store, declarations);
const list = (of: BindingsOf): string[] =>
  (
    JSON.parse((bindingsIn(store, of, '', 100, PAGE_BYTES_MAX) as BindingList).bindingsJson) as {
      id: string;
    }[]
  ).map(({ id }) => id);
const queue = (name: string) => declareQueueIn(store, 'default', name, {});
const exchange = (name: string, fields = {}) => declareExchangeIn(store, name, fields);

/** What a router that starts now, and one that has followed from the start, know. */
function followers(): RoutingGraph[] {
  const fresh = new RoutingGraph();
  let place: SnapshotPosition | null = null;
  do {
    const page = snapshotPage(store, place);
    fresh.applyPage(page);
    place = page.next;
  } while (place !== null);
  const following = new RoutingGraph();
  for (let version = 0; ;) {
    const { changesJson, count, isPartial } = changesSince(store, version)!;
    for (const change of JSON.parse(changesJson) as TopologyChange[]) following.apply(change);
    version += count;
    if (!isPartial) return [fresh, following];
  }
}

/** Whether the default exchange routes to the queue. */
function routesTo(graph: RoutingGraph, queueName: string): boolean {
  const routed = route(graph.table, '', { routingKey: queueName, headers: {} });
  return !('refused' in routed) && routed.destinations.length > 0;
}

function knownTo(graph: RoutingGraph): object {
  const exchanges = graph.table.exchanges();
  return {
    exchanges: exchanges.map(({ name }) => name).toSorted(),
    bindings: exchanges.flatMap(({ name }) => graph.table.bindingsFrom(name).map(({ id }) => id)).toSorted(),
    queues: ['a', 'b', 'c'].filter((name) => routesTo(graph, name)),
  };
}

describe('a snapshot', () => {
  it('gives names in pages, and what was declared or deleted meanwhile by the changes since', () => {
    const names = Array.from({ length: 12_000 }, (_, number) => `q${number}`);
    sql.transaction(() => {
      for (const name of names) sql.run('INSERT INTO queues VALUES (?, ?)', name, JSON.stringify({ name }));
    });
    for (const name of ['a', 'b']) queue(name);
    exchange('x');
    bind(to('x', 'queue', 'a'));
    const graph = new RoutingGraph();
    const { version, next, ...first } = snapshotPage(store, null);
    expect([first.names!.queues.length, first.names!.exchanges]).toEqual([10_000, []]);
    graph.applyPage(first);
    queue('c');
    exchange('y');
    bind(to('y', 'queue', 'c'));
    store.removeQueue(store.queues.get('a')!);
    for (let place = next; place !== null;) {
      const page = snapshotPage(store, place);
      graph.applyPage(page);
      place = page.next;
    }
    const { changesJson } = changesSince(store, version)!;
    for (const change of JSON.parse(changesJson) as TopologyChange[]) graph.apply(change);
    for (const name of [...names, 'b', 'c']) expect(routesTo(graph, name)).toBe(true);
    expect(knownTo(graph)).toMatchObject({ queues: ['b', 'c'] });
    expect(graph.table.bindingsFrom('y')).toHaveLength(1);
    expect(graph.table.bindingsFrom('x')).toEqual([]);
  });
});

describe('bindings', () => {
  beforeEach(() => {
    queue('a');
    queue('b');
    exchange('x', { type: 'topic' });
  });

  it('are made once, however often they are declared', () => {
    const first = bind(to('x', 'queue', 'a', 'k'), to('x', 'queue', 'a', 'k'));
    expect(first).toMatchObject({ created: 1 });
    const version = store.version();
    expect(bind(to('x', 'queue', 'a', 'k'))).toMatchObject({ created: 0, topologyVersion: version });
    expect(store.bindings.count).toBe(1);
  });

  it('are made all or none', () => {
    expect(bind(to('x', 'queue', 'a'), to('x', 'queue', 'gone'))).toMatchObject({
      code: 'queue_not_found',
      details: { binding: 1 },
    });
    expect(store.bindings.count).toBe(0);
  });

  it('go with the queue they lead to', () => {
    bind(to('x', 'queue', 'a', '1'), to('x', 'queue', 'a', '2'), to('x', 'queue', 'b'));
    store.removeQueue(store.queues.get('a')!);
    expect(list({ source: 'x' })).toHaveLength(1);
    expect(store.bindings.count).toBe(1);
  });

  it('go with an exchange at either end', () => {
    exchange('y');
    bind(to('x', 'exchange', 'y'), to('y', 'queue', 'a'), to('x', 'queue', 'b'));
    deleteExchangeIn(store, 'y', false);
    expect(list({ source: 'x' })).toHaveLength(1);
    expect(list({ destination: { kind: 'queue', name: 'a' } })).toEqual([]);
  });

  it('are listed in pages', () => {
    bind(...Array.from({ length: 25 }, (_, n) => to('x', 'queue', 'a', `k${n}`)));
    const seen: string[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page = bindingsIn(store, { source: 'x' }, after, 10, PAGE_BYTES_MAX) as BindingList;
      seen.push(...(JSON.parse(page.bindingsJson) as { id: string }[]).map(({ id }) => id));
      after = page.next;
    }
    expect(seen).toHaveLength(25);
    expect(seen).toEqual([...new Set(seen)].toSorted());
  });

  it('cost four rows each: two of their own, the change, the version', () => {
    const before = sql.meter.rowsWritten;
    bind(to('x', 'queue', 'a', 'k'));
    // node:sqlite does not count the index.
    expect(sql.meter.rowsWritten - before).toBe(3);
  });
});

describe('an exchange', () => {
  it('that is in use stays, if it was to go only unused', () => {
    queue('a');
    exchange('x');
    bind(to('x', 'queue', 'a'));
    expect(deleteExchangeIn(store, 'x', true)).toMatchObject({ code: 'exchange_in_use' });
    expect(store.exchange('x')).not.toBeNull();
    expect(deleteExchangeIn(store, 'x', false)).toMatchObject({ exchange: { name: 'x' } });
  });

  it('of the broker stays', () => {
    expect(deleteExchangeIn(store, 'amq.topic', false)).toMatchObject({ code: 'exchange_reserved' });
    expect(deleteExchangeIn(store, '', false)).toMatchObject({ code: 'exchange_reserved' });
    expect(exchangePage(store, null, 100, PAGE_BYTES_MAX).items).toHaveLength(6);
  });

  it('that deletes itself goes with its last binding, and takes others along', () => {
    queue('a');
    exchange('last', { auto_delete: true });
    exchange('first', { auto_delete: true });
    exchange('stays');
    bind(to('first', 'exchange', 'last'), to('stays', 'exchange', 'last'), to('last', 'queue', 'a'));
    expect(store.exchange('first')).not.toBeNull();
    const [id] = list({ source: 'last' });
    expect(deleteBindingIn(store, 'last', id!)).toMatchObject({ exchangeDeleted: true });
    expect(exchangePage(store, null, 100, PAGE_BYTES_MAX).items.map(({ name }) => name)).not.toContain(
      'first',
    );
    expect(store.exchange('stays')).not.toBeNull();
    expect(store.bindings.count).toBe(0);
  });

  it('that deletes itself is there until it had a binding', () => {
    exchange('x', { auto_delete: true });
    queue('a');
    store.removeQueue(store.queues.get('a')!);
    expect(store.exchange('x')).not.toBeNull();
  });
});

describe('policies', () => {
  it('change the queues that they match, which are told, and no other', () => {
    queue('a');
    queue('b');
    const before = store.changes.effectsAfter(0, 100).at(-1)!.id;
    putPolicyIn(store, 'p', { pattern: 'a', priority: 0, definition: { max_length: 3 } });
    const told = store.changes.effectsAfter(before, 100);
    expect(told).toMatchObject([
      { kind: 'configure-queue', definition: { name: 'a', config: { max_length: 3 } } },
    ]);
    expect(told[0]!.definition.version).toBe(store.version());
    expect(changeQueueIn(store, 'b', { max_length: 5 })).toMatchObject({
      queue: { config: { max_length: 5 } },
    });
    deletePolicyIn(store, 'p');
    expect(store.queues.get('a')).toMatchObject({
      policy: null,
      definition: { config: { max_length: null } },
    });
  });

  it('put again without a difference change nothing', () => {
    const declaration = { pattern: '*', priority: 0, definition: { max_length: 3 } };
    expect(putPolicyIn(store, 'p', declaration)).toMatchObject({ isNew: true });
    const version = store.version();
    expect(putPolicyIn(store, 'p', declaration)).toMatchObject({ isNew: false, topologyVersion: version });
  });
});

describe('routers', () => {
  it('know the same whether they start now or have followed from the start', () => {
    for (const name of ['a', 'b', 'c']) queue(name);
    exchange('x', { type: 'topic' });
    exchange('y', { auto_delete: true });
    bind(...Array.from({ length: 250 }, (_, n) => to('x', 'queue', n % 2 ? 'a' : 'b', `k${n}`)));
    bind(to('y', 'queue', 'c'), to('x', 'exchange', 'y'));
    store.removeQueue(store.queues.get('c')!);
    deleteBindingIn(store, 'x', list({ source: 'x' })[0]!);
    putPolicyIn(store, 'p', { pattern: '*', priority: 0, definition: { max_length: 3 } });
    const [fresh, following] = followers().map(knownTo);
    expect(following).toEqual(fresh);
    expect(fresh).toMatchObject({ queues: ['a', 'b'] });
    expect((fresh as { bindings: string[] }).bindings).toHaveLength(249);
    expect((fresh as { exchanges: string[] }).exchanges).not.toContain('y');
  });

  it('are told to start anew when the log does not reach back to them', () => {
    for (let n = 0; n < 12_000; n++) store.changes.note({ put: 'other' });
    expect(changesSince(store, 1)).toBeNull();
    expect(changesSince(store, 11_990)).toMatchObject({ count: 10, isPartial: false });
    expect(changesSince(store, 12_000)).toMatchObject({ count: 0, isPartial: false });
    expect(changesSince(store, 12_001)).toBeNull();
  });
});

describe('the topology itself', () => {
  it('routes for other objects by what it holds at the time', () => {
    const graph = new LocalGraph(store);
    const routed = (routingKey: string): string[] =>
      graph.route('x', [{ routingKey, headers: {} }])[0]!.map(({ name }) => name);
    expect(routed('k')).toEqual([]);
    queue('a');
    exchange('x', { type: 'topic' });
    bind(to('x', 'queue', 'a', 'k.*'));
    expect(routed('k.1')).toEqual(['a']);
    for (let n = 0; n < 12_000; n++) store.changes.note({ put: 'other' });
    expect(routed('k.1')).toEqual(['a']);
    store.removeQueue(store.queues.get('a')!);
    expect(routed('k.1')).toEqual([]);
  });
});

describe('a change that fails', () => {
  it('at any of its steps is made in whole or not at all', () => {
    queue('a');
    exchange('x');
    const version = store.version();
    const outcomes: number[] = [];
    for (let step = 1; store.version() === version; step++) {
      sql.failAfter = step;
      expect(() => bind(to('x', 'queue', 'a', 'k'))).toThrow('storage failed');
      sql.failAfter = Infinity;
      outcomes.push(store.bindings.count);
      expect(store.version()).toBe(version + store.bindings.count);
    }
    expect(outcomes.length).toBeGreaterThan(5);
    expect(list({ source: 'x' })).toHaveLength(1);
  });
});

describe('the local graph', () => {
  it('answers for the first messages where they reach many destinations, and at least for one', () => {
    exchange('all', { type: 'fanout' });
    sql.transaction(() => {
      for (let first = 0; first < 3; first++)
        for (let number = 0; number < 4_000; number++)
          sql.run('INSERT INTO queues VALUES (?, ?)', `q${first}-${number}`, '{}');
    });
    for (let first = 0; first < 3; first++)
      bind(...Array.from({ length: 4_000 }, (_, number) => to('all', 'queue', `q${first}-${number}`)));
    const messages = Array.from({ length: 20 }, () => ({ routingKey: '', headers: {} }));
    const found = new LocalGraph(store).route('all', messages);
    expect(found.length).toBeGreaterThan(1);
    expect(found.length).toBeLessThan(20);
    expect(found.every((destinations) => destinations.length === 12_000)).toBe(true);
  });
});
