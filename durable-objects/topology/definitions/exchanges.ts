/** Changes of exchanges and bindings: decided by the rules, kept by the store. */

import { createHash } from 'node:crypto';
import type { Binding, BindingDeclaration } from '../../../core/exchange/binding.ts';
import { isReservedExchangeName } from '../../../core/exchange/exchange.ts';
import { declareBinding, noSuchBinding } from '../../../core/topology/bindings.ts';
import { declareExchange, noSuchExchange, reserved } from '../../../core/topology/exchanges.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import type { ExchangeDeclaration } from '../../../protocol/schemas/exchanges.ts';
import { BINDINGS_MAX } from '../../../protocol/limits.ts';
import type { BindingList, BindingsAnswer, BindingsOf, ExchangeAnswer } from '../../rpc/topology.ts';
import type { TopologyStore } from '../topology-store.ts';

export function declareExchangeIn(
  store: TopologyStore,
  name: string,
  declaration: ExchangeDeclaration,
): (ExchangeAnswer & { isNew: boolean }) | Failure {
  const declared = declareExchange(store.exchange(name), name, declaration, store.version() + 1);
  if (isFailure(declared)) return declared;
  if (declared.isNew) store.putExchange(declared.definition);
  return { exchange: declared.definition, isNew: declared.isNew, topologyVersion: store.version() };
}

export function deleteExchangeIn(
  store: TopologyStore,
  name: string,
  ifUnused: boolean,
): ExchangeAnswer | Failure {
  const exchange = store.exchange(name);
  if (!exchange) return noSuchExchange(name);
  if (isReservedExchangeName(name)) return reserved(name);
  if (ifUnused && store.bindings.hasFrom(name)) {
    return failure(
      'exchange_in_use',
      `exchange "${name}" has bindings, so it cannot be deleted with if_unused`,
    );
  }
  store.removeExchange(name);
  return { exchange, topologyVersion: store.version() };
}

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Creates all bindings or none. Existing ones are no error. */
export function declareBindingsIn(
  store: TopologyStore,
  declarations: readonly BindingDeclaration[],
): BindingsAnswer | Failure {
  const ids: string[] = [];
  const created = new Map<string, Binding>();
  for (const [index, declaration] of declarations.entries()) {
    const binding = declareBinding(declaration, store, sha256);
    if (isFailure(binding)) return { ...binding, details: { ...binding.details, binding: index } };
    ids.push(binding.id);
    if (!store.bindings.has(binding.source, binding.id)) created.set(binding.id, binding);
  }
  if (created.size > 0 && store.bindings.count + created.size > BINDINGS_MAX) {
    return failure('too_many_bindings', `a namespace has at most ${BINDINGS_MAX} bindings`, {
      bindings_max: BINDINGS_MAX,
    });
  }
  const refused = store.quotas.refusal('bindings', created.size);
  if (refused) return refused;
  if (created.size > 0) store.putBindings([...created.values()]);
  return { ids, created: created.size, topologyVersion: store.version() };
}

export function deleteBindingIn(
  store: TopologyStore,
  source: string,
  id: string,
): { exchangeDeleted: boolean; topologyVersion: number } | Failure {
  if (!store.exchange(source)) return noSuchExchange(source);
  if (!store.bindings.has(source, id)) return noSuchBinding(source, id);
  const exchangeDeleted = store.removeBinding(source, id);
  return { exchangeDeleted, topologyVersion: store.version() };
}

export function bindingsIn(
  store: TopologyStore,
  of: BindingsOf,
  after: string,
  limit: number,
  bytesMax: number,
): BindingList | Failure {
  if ('source' in of) {
    if (!store.exchange(of.source)) return noSuchExchange(of.source);
    return store.bindings.from(of.source, after, limit, bytesMax);
  }
  const { kind, name } = of.destination;
  if (!store.exists(of.destination)) return failure(`${kind}_not_found`, `there is no ${kind} "${name}"`);
  return store.bindings.to(of.destination, after, limit, bytesMax);
}
