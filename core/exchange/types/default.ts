/**
 * The default exchange, named "": a message goes to the queue that its routing key names. AMQP 0-9-1, section 3.1.3.1.
 * Its bindings are implied, one a queue, so there is nothing to keep.
 */

import type { Destination } from '../binding.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';

export class DefaultIndex implements BindingIndex {
  readonly #queue: (name: string) => Destination | null;

  /** @param queue the queue of that name, null if there is none */
  constructor(queue: (name: string) => Destination | null) {
    this.#queue = queue;
  }

  add(): void {
    throw new Error('the default exchange takes no bindings');
  }

  remove(): void {
    throw new Error('the default exchange has no bindings');
  }

  match({ routingKey }: RoutedMessage, visit: (destination: Destination) => void): void {
    const queue = this.#queue(routingKey);
    if (queue !== null) visit(queue);
  }
}
