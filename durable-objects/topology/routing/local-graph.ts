/**
 * Local graph: the routing graph inside the topology, for objects that send messages to an exchange (dead letters) and
 * are not routers. It is built on first use, lives in the object's memory, and follows the same log of changes as
 * routers do.
 */

import type { Destination } from '../../../core/exchange/binding.ts';
import type { RoutedMessage } from '../../../core/exchange/exchange.ts';
import { route } from '../../../core/exchange/route.ts';
import { RoutingGraph, type TopologyChange } from '../../../core/topology/routing/routing-graph.ts';
import { changesSince, snapshotPage } from './routing-feed.ts';
import type { TopologyStore } from '../topology-store.ts';

/** Destinations in one answer, each of some 60 bytes: a call between objects takes 32 MiB. */
const ANSWER_COPIES_MAX = 50_000;

export class LocalGraph {
  readonly #store: TopologyStore;
  #graph: RoutingGraph | null = null;
  #version = 0;

  constructor(store: TopologyStore) {
    this.#store = store;
  }

  /**
   * Where each message goes, by what the topology holds now; nowhere, if there is no such exchange.
   * @returns for the first messages, as many as one answer takes; at least one
   */
  route(exchange: string, messages: readonly RoutedMessage[]): Destination[][] {
    const { table } = this.#current();
    const found: Destination[][] = [];
    let copies = 0;
    for (const message of messages) {
      const routed = route(table, exchange, message, true);
      const destinations = 'refused' in routed ? [] : [...routed.destinations];
      copies += destinations.length;
      if (found.length > 0 && copies > ANSWER_COPIES_MAX) break;
      found.push(destinations);
    }
    return found;
  }

  #current(): RoutingGraph {
    this.#graph ??= this.#read();
    for (;;) {
      const answer = changesSince(this.#store, this.#version);
      if (answer === null) {
        this.#graph = this.#read();
        continue;
      }
      for (const change of JSON.parse(answer.changesJson) as TopologyChange[]) this.#graph.apply(change);
      this.#version += answer.count;
      if (!answer.isPartial) return this.#graph;
    }
  }

  #read(): RoutingGraph {
    const graph = new RoutingGraph();
    this.#version = this.#store.version();
    let page = snapshotPage(this.#store, null);
    graph.applyPage(page);
    while (page.next !== null) graph.applyPage((page = snapshotPage(this.#store, page.next)));
    return graph;
  }
}
