/** Unbind: removes the binding that an AMQP client describes. It need not be there, nor its exchange or queue, as with RabbitMQ. */

import type { Binding, BindingArguments } from '../../sdk/admin/exchange-types.ts';
import type { Exchanges } from '../../sdk/admin/exchanges.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import type { BindingSpec } from '../../wire/amqp/broker-port.ts';

const ABSENT = new Set(['binding_not_found', 'exchange_not_found', 'queue_not_found']);

export async function unbind(
  exchanges: Exchanges,
  binding: BindingSpec,
  given: BindingArguments,
): Promise<null> {
  try {
    for await (const found of exchanges.bindings(binding.destination)) {
      if (!isSameBinding(found, binding, given)) continue;
      await exchanges.unbind(found);
      break;
    }
  } catch (error) {
    if (!ABSENT.has(asPosthornError(error).code)) throw error;
  }
  return null;
}

function isSameBinding(
  found: Binding,
  { source, routingKey }: BindingSpec,
  given: BindingArguments,
): boolean {
  const entries = Object.entries(given);
  return (
    found.source === source &&
    found.routingKey === routingKey &&
    Object.keys(found.arguments).length === entries.length &&
    entries.every(([name, value]) => Object.hasOwn(found.arguments, name) && found.arguments[name] === value)
  );
}
