/** The rules of exchanges: what a declaration makes, when two agree, and which ones belong to the broker. */

import { failure, type Failure } from '../../protocol/errors.ts';
import {
  EXCHANGE_DEFAULTS,
  type ExchangeConfig,
  type ExchangeDeclaration,
} from '../../protocol/schemas/exchanges.ts';
import {
  DEFAULT_EXCHANGE,
  isReservedExchangeName,
  PREDECLARED_EXCHANGES,
  type Exchange,
} from '../exchange/exchange.ts';
import { differences, givenFields, textOf, type Difference } from './given-fields.ts';

export interface ExchangeDefinition extends Exchange {
  /** It goes when the last binding from it goes. */
  readonly auto_delete: boolean;
  /** The version of the topology that made it. 0: predeclared. Exchanges never change. */
  readonly version: number;
}

export type DeclaredExchange = { definition: ExchangeDefinition; isNew: boolean };

export function predeclaredExchange(name: string): ExchangeDefinition | null {
  const exchange = PREDECLARED_EXCHANGES.find((each) => each.name === name);
  return exchange ? { ...exchange, auto_delete: false, version: 0 } : null;
}

/**
 * Creates an exchange, or agrees with the one that exists. Fields left out are not compared. Predeclared exchanges agree
 * with declarations that describe them, but for the default exchange, which cannot be named in one: AMQP 0-9-1,
 * section 3.1.3, and RabbitMQ.
 */
export function declareExchange(
  existing: ExchangeDefinition | null,
  name: string,
  declaration: ExchangeDeclaration,
  nextVersion: number,
): DeclaredExchange | Failure {
  const known = existing ?? predeclaredExchange(name);
  const differing = known === null ? [] : differences(known, declaration);
  if (isReservedExchangeName(name) && (known === null || name === DEFAULT_EXCHANGE || differing.length > 0)) {
    return reserved(name);
  }
  if (known !== null) {
    return differing.length === 0 ? { definition: known, isNew: false } : differs(name, differing);
  }
  const config: ExchangeConfig = { ...EXCHANGE_DEFAULTS, ...givenFields(declaration) };
  if (config.hash_header !== null && config.type !== 'consistent-hash') {
    return failure(
      'invalid_field',
      `hash_header: only a consistent-hash exchange has one, not ${config.type}`,
    );
  }
  return { definition: { name, ...config, version: nextVersion }, isNew: true };
}

export function reserved(name: string): Failure {
  const which = name === DEFAULT_EXCHANGE ? 'the default exchange' : `exchange "${name}"`;
  return failure(
    'exchange_reserved',
    `${which} belongs to the broker, as every name that begins with "amq."; it cannot be made, changed or deleted`,
  );
}

export function noSuchExchange(name: string): Failure {
  return failure('exchange_not_found', `there is no exchange "${name}"; PUT creates it`);
}

function differs(name: string, differing: Difference[]): Failure {
  return failure(
    'exchange_differs',
    `exchange "${name}" exists and its ${textOf(differing)}; delete it to declare it otherwise`,
    { differing },
  );
}
