/**
 * The routing graph of a namespace: its exchanges and their bindings, arranged for routing. Whoever keeps the topology
 * applies its changes here; whether a change is allowed is decided before (`checkBinding` and the rules of topology).
 */

import { destinationKey, idOf, type Binding, type Destination } from './binding.ts';
import { DefaultIndex } from './types/default.ts';
import { DEFAULT_EXCHANGE, PREDECLARED_EXCHANGES, type BindingIndex, type Exchange } from './exchange.ts';
import { newIndex } from './registry.ts';
import { excluding, forEach, including, type Few } from './index/one-or-map.ts';

/** An exchange with the bindings that start from it. */
interface Node {
  exchange: Exchange;
  readonly index: BindingIndex;
  /** By binding id. */
  readonly bindings: Map<string, Binding>;
}

interface Incoming {
  readonly destination: Destination;
  bindings: Few<Binding>;
}

export class RoutingTable {
  readonly #nodes = new Map<string, Node>();
  /** By binding id. */
  readonly #bindings = new Map<string, Binding>();
  /** The bindings that lead to a destination, by its key, for when the destination goes. */
  readonly #incoming = new Map<string, Incoming>();

  /** @param hasQueue whether a queue exists now: the default exchange reaches all of them */
  constructor(hasQueue: (name: string) => boolean) {
    for (const exchange of PREDECLARED_EXCHANGES) this.declare(exchange);
    const queue = (name: string): Destination | null =>
      hasQueue(name) ? this.#only({ kind: 'queue', name }) : null;
    const exchange = this.exchange(DEFAULT_EXCHANGE)!;
    this.#nodes.set(DEFAULT_EXCHANGE, { exchange, index: new DefaultIndex(queue), bindings: new Map() });
  }

  exchange(name: string): Exchange | null {
    return this.#nodes.get(name)?.exchange ?? null;
  }

  exchanges(): Exchange[] {
    return [...this.#nodes.values()].map(({ exchange }) => exchange);
  }

  bindingsFrom(source: string): Binding[] {
    return [...(this.#nodes.get(source)?.bindings.values() ?? [])];
  }

  bindingsTo(destination: Destination): Binding[] {
    const bindings: Binding[] = [];
    forEach(this.#incoming.get(destinationKey(destination))?.bindings ?? null, (binding) =>
      bindings.push(binding),
    );
    return bindings;
  }

  /**
   * Calls `visit` for the destination of every binding of the exchange that takes the message. Equal destinations are the
   * same object within one table.
   */
  match(
    source: string,
    message: Parameters<BindingIndex['match']>[0],
    visit: (to: Destination) => void,
  ): void {
    this.#nodes.get(source)?.index.match(message, visit);
  }

  /** Adds an exchange, or replaces its definition; what its bindings are arranged by cannot change while it has any. */
  declare(exchange: Exchange): void {
    const existing = this.#nodes.get(exchange.name);
    if (existing === undefined || existing.bindings.size === 0) {
      this.#nodes.set(exchange.name, { exchange, index: newIndex(exchange), bindings: new Map() });
      return;
    }
    const { type, hash_header } = existing.exchange;
    if (type !== exchange.type || hash_header !== exchange.hash_header) {
      throw new Error(`exchange "${exchange.name}" has bindings arranged for ${type}`);
    }
    existing.exchange = exchange;
  }

  /** Removes an exchange with the bindings from it and to it. @returns those bindings */
  deleteExchange(name: string): Binding[] {
    const removed = [...this.bindingsFrom(name), ...this.deleteDestination({ kind: 'exchange', name })];
    for (const { id } of removed) this.unbind(id);
    this.#nodes.delete(name);
    return [...new Set(removed)];
  }

  /** Removes the bindings that lead to a queue, topic or exchange which is gone. @returns those bindings */
  deleteDestination(destination: Destination): Binding[] {
    const removed = this.bindingsTo(destination);
    for (const { id } of removed) this.unbind(id);
    return removed;
  }

  /** @returns false if the binding exists already */
  bind(declared: Binding): boolean {
    if (this.#bindings.has(declared.id)) return false;
    const node = this.#nodes.get(declared.source);
    if (node === undefined) throw new Error(`no exchange "${declared.source}" to bind to`);
    const binding = { ...declared, destination: this.#only(declared.destination) };
    node.index.add(binding);
    node.bindings.set(binding.id, binding);
    this.#bindings.set(binding.id, binding);
    this.#noteIncoming(binding);
    return true;
  }

  /** @returns the binding that went, null if there was none */
  unbind(id: string): Binding | null {
    const binding = this.#bindings.get(id);
    if (binding === undefined) return null;
    const node = this.#nodes.get(binding.source)!;
    node.index.remove(binding);
    node.bindings.delete(id);
    this.#bindings.delete(id);
    const key = destinationKey(binding.destination);
    const incoming = this.#incoming.get(key)!;
    incoming.bindings = excluding(incoming.bindings, id, idOf);
    if (incoming.bindings === null) this.#incoming.delete(key);
    return binding;
  }

  #noteIncoming(binding: Binding): void {
    const { destination } = binding;
    const key = destinationKey(destination);
    const incoming = this.#incoming.get(key);
    if (incoming === undefined) this.#incoming.set(key, { destination, bindings: binding });
    else incoming.bindings = including(incoming.bindings, binding, idOf);
  }

  /** The one object that stands for a destination in all bindings, so that routing can tell destinations apart by it. */
  #only(destination: Destination): Destination {
    return this.#incoming.get(destinationKey(destination))?.destination ?? destination;
  }
}
