/**
 * The direct exchange: a message goes where the binding's routing key equals its own. AMQP 0-9-1, section 3.1.3.1.
 */

import { idOf, type Binding, type Destination } from '../binding.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';
import { excluding, forEach, including, type Few } from '../index/one-or-map.ts';

export class DirectIndex implements BindingIndex {
  /** By routing key. A key without bindings has no entry. */
  readonly #byKey = new Map<string, Few<Binding>>();

  add(binding: Binding): void {
    const { routing_key } = binding;
    this.#byKey.set(routing_key, including(this.#byKey.get(routing_key) ?? null, binding, idOf));
  }

  remove({ id, routing_key }: Binding): void {
    const left = excluding(this.#byKey.get(routing_key) ?? null, id, idOf);
    if (left === null) this.#byKey.delete(routing_key);
    else this.#byKey.set(routing_key, left);
  }

  match({ routingKey }: RoutedMessage, visit: (destination: Destination) => void): void {
    forEach(this.#byKey.get(routingKey) ?? null, ({ destination }) => visit(destination));
  }
}
