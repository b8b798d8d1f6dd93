import { createHash } from 'node:crypto';
import {
  makeBinding,
  type Binding,
  type BindingArguments,
  type BindingDeclaration,
  type Destination,
} from '../../../core/exchange/binding.ts';
import type { BindingIndex, RoutedMessage } from '../../../core/exchange/exchange.ts';

export const queue = (name: string): Destination => ({ kind: 'queue', name });
export const exchange = (name: string): Destination => ({ kind: 'exchange', name });
export const topic = (name: string): Destination => ({ kind: 'topic', name });

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

export const bindingOf = (declaration: BindingDeclaration): Binding => makeBinding(declaration, sha256);

/** A binding of an exchange `x`. */
export function bound(to: Destination, routing_key = '', args: BindingArguments = {}): Binding {
  return bindingOf({ source: 'x', destination: to, routing_key, arguments: args });
}

export function message(routingKey: string, headers: RoutedMessage['headers'] = {}): RoutedMessage {
  return { routingKey, headers };
}

/** The names of the destinations that an index visits, sorted, as often as it visits them. */
export function matched(index: BindingIndex, sent: RoutedMessage): string[] {
  const names: string[] = [];
  index.match(sent, ({ name }) => names.push(name));
  return names.toSorted();
}

/** An index with bindings, made and partly undone in the order given. */
export function filled<Index extends BindingIndex>(index: Index, bindings: Iterable<Binding>): Index {
  for (const binding of bindings) index.add(binding);
  return index;
}
