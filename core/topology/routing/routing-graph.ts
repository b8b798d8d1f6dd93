/**
 * Routing graph: all that a router needs to route. It holds the exchanges, the bindings, and the names of queues, which the
 * default exchange routes by. A router builds it from a snapshot and then follows the topology's log of changes. So one new
 * binding costs one change, not a reload.
 */

import type { Binding, BindingArguments, DestinationKind } from '../../exchange/binding.ts';
import { canonicalJson } from '../../exchange/canonical-json.ts';
import { RoutingTable } from '../../exchange/routing-table.ts';
import type { ExchangeDefinition } from '../exchanges.ts';

/** One change of the topology, as routing sees it. Each change moves the version by one. Applying it twice changes nothing more. */
export type TopologyChange =
  | { readonly put: 'queue' | 'topic'; readonly name: string }
  | { readonly put: 'exchange'; readonly exchange: ExchangeDefinition }
  | { readonly put: 'bindings'; readonly bindings: readonly Binding[] }
  /** Removes the bindings too: those to it, and those from an exchange. */
  | { readonly removed: DestinationKind; readonly name: string }
  | { readonly removed: 'binding'; readonly id: string }
  /** A change without meaning for routing, such as a policy. */
  | { readonly put: 'other' };

/** A part of a snapshot of the topology. */
export interface GraphPage {
  /** On the first pages only. */
  readonly names: {
    readonly queues: readonly string[];
    /** Also the predeclared ones, of version 0. */
    readonly exchanges: readonly ExchangeDefinition[];
  } | null;
  /** An array of `Binding`. */
  readonly bindingsJson: string;
}

export class RoutingGraph {
  readonly #queues = new Set<string>();
  readonly table = new RoutingTable((name) => this.#queues.has(name));

  /** @returns how many bindings the page held */
  applyPage({ names, bindingsJson }: GraphPage): number {
    for (const name of names?.queues ?? []) this.apply({ put: 'queue', name });
    for (const exchange of names?.exchanges ?? []) {
      if (exchange.version > 0) this.apply({ put: 'exchange', exchange });
    }
    const bindings = JSON.parse(bindingsJson) as Binding[];
    this.apply({ put: 'bindings', bindings });
    return bindings.length;
  }

  apply(change: TopologyChange): void {
    if ('put' in change) this.#put(change);
    else if (change.removed === 'binding') this.table.unbind(change.id);
    else if (change.removed === 'exchange') this.table.deleteExchange(change.name);
    else {
      if (change.removed === 'queue') this.#queues.delete(change.name);
      this.table.deleteDestination({ kind: change.removed, name: change.name });
    }
  }

  #put(change: Extract<TopologyChange, { put: unknown }>): void {
    if (change.put === 'queue') this.#queues.add(change.name);
    else if (change.put === 'exchange') this.table.declare(change.exchange);
    else if (change.put === 'bindings') for (const binding of change.bindings) this.#bind(binding);
  }

  /**
   * A page of a snapshot may hold a binding of an exchange that was declared after the exchanges were read. The later changes
   * bring both.
   */
  #bind(binding: Binding): void {
    const exchange = this.table.exchange(binding.source);
    if (exchange === null) return;
    this.table.bind(
      exchange.type === 'headers' ? { ...binding, arguments: asText(binding.arguments) } : binding,
    );
  }
}

/**
 * Returns the arguments as text, because headers of records are text: the argument 5 matches the header "5". RabbitMQ has
 * headers with types and tells the two apart. Null still asks for presence only.
 */
function asText(args: BindingArguments): BindingArguments {
  return Object.fromEntries(
    Object.entries(args).map(([name, value]) => [
      name,
      value === null || typeof value === 'string' ? value : canonicalJson(value),
    ]),
  );
}
