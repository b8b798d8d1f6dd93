/** The fanout exchange: every message goes to every binding. AMQP 0-9-1, section 3.1.3.2. */

import type { Binding, Destination } from '../binding.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';

export class FanoutIndex implements BindingIndex {
  /** By binding id. */
  readonly #bound = new Map<string, Destination>();

  add({ id, destination }: Binding): void {
    this.#bound.set(id, destination);
  }

  remove({ id }: Binding): void {
    this.#bound.delete(id);
  }

  match(_message: RoutedMessage, visit: (destination: Destination) => void): void {
    for (const destination of this.#bound.values()) visit(destination);
  }
}
