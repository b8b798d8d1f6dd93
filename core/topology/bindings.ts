/** The rules of bindings: both ends exist, and the exchange's type can make something of the rest. */

import { failure, type Failure } from '../../protocol/errors.ts';
import { BINDING_ARGUMENTS_LENGTH_MAX } from '../../protocol/limits.ts';
import {
  makeBinding,
  type Binding,
  type BindingDeclaration,
  type Destination,
  type Sha256,
} from '../exchange/binding.ts';
import { checkBinding } from '../exchange/registry.ts';
import { noSuchExchange, type ExchangeDefinition } from './exchanges.ts';

/** What the rules have to know of the topology. */
export interface Ends {
  exchange(name: string): ExchangeDefinition | null;
  exists(destination: Destination): boolean;
}

/** The binding that a declaration makes; whether it is there already is for the caller to look up by its id. */
export function declareBinding(
  declaration: BindingDeclaration,
  ends: Ends,
  sha256: Sha256,
): Binding | Failure {
  const { source, destination } = declaration;
  const exchange = ends.exchange(source);
  if (exchange === null) return noSuchExchange(source);
  const wrong = checkBinding(exchange.type, declaration);
  if (wrong) return wrong;
  if (!ends.exists(destination)) return noSuchDestination(destination);
  if (JSON.stringify(declaration.arguments).length > BINDING_ARGUMENTS_LENGTH_MAX) {
    return failure(
      'invalid_field',
      `arguments: at most ${BINDING_ARGUMENTS_LENGTH_MAX} characters of JSON in all`,
    );
  }
  return makeBinding(declaration, sha256);
}

export function noSuchBinding(exchange: string, id: string): Failure {
  return failure('binding_not_found', `exchange "${exchange}" has no binding "${id}"`);
}

function noSuchDestination({ kind, name }: Destination): Failure {
  return failure(`${kind}_not_found`, `the destination, ${kind} "${name}", does not exist; PUT creates it`, {
    destination: { kind, name },
  });
}
