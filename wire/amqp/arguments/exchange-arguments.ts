/** Exchange arguments: what the arguments of `exchange.declare` mean. */

import { fieldOf, textOfField, type FieldTable } from '../codec/field-table.ts';
import type { MethodFields } from '../codec/methods.ts';
import { portError, type PortError } from '../reply-codes.ts';

export interface ExchangeSpec {
  exchange: string;
  type: string;
  autoDelete: boolean;
  internal: boolean;
  alternateExchange: string | null;
  hashHeader: string | null;
}

const TYPES: Readonly<Record<string, string>> = {
  direct: 'direct',
  fanout: 'fanout',
  topic: 'topic',
  headers: 'headers',
  'x-consistent-hash': 'consistent-hash',
};

const DELAYED = 'x-delayed-message';
const DELAYED_TYPE = 'x-delayed-type';

/** Types that plugins of RabbitMQ add. */
const ABSENT_TYPES = ['x-random', 'x-local-random', 'x-modulus-hash', 'x-recent-history'];

/** What of a declaration makes the exchange. */
type Declared = Pick<
  MethodFields<'exchange.declare'>,
  'exchange' | 'type' | 'autoDelete' | 'internal' | 'arguments'
>;

export function readExchangeSpec(fields: Declared): ExchangeSpec | PortError {
  const { exchange, autoDelete, internal } = fields;
  // An exchange of the plugin routes as the type in its argument does; messages say themselves how long they wait.
  const isDelayed = fields.type === DELAYED;
  const name = isDelayed ? (textOfField(fieldOf(fields.arguments, DELAYED_TYPE)) ?? '') : fields.type;
  const type = Object.hasOwn(TYPES, name) ? TYPES[name]! : null;
  if (type === null) {
    if (isDelayed) {
      return portError('precondition-failed', `invalid arg '${DELAYED_TYPE}' for exchange '${exchange}'`);
    }
    return ABSENT_TYPES.includes(name)
      ? portError('not-implemented', `exchanges of type '${name}' are not supported`)
      : portError('command-invalid', `unknown exchange type '${name}'`);
  }
  const known = readKnown(exchange, fields.arguments);
  return 'reply' in known ? known : { exchange, type, autoDelete, internal, ...known };
}

function readKnown(
  exchange: string,
  table: FieldTable,
): Pick<ExchangeSpec, 'alternateExchange' | 'hashHeader'> | PortError {
  const known = { alternateExchange: null as string | null, hashHeader: null as string | null };
  for (const [key, field] of table) {
    if (key !== 'alternate-exchange' && key !== 'hash-header') {
      if (!key.startsWith('hash-')) continue; // RabbitMQ gives it no meaning either
      return portError('not-implemented', `argument '${key}' of exchange '${exchange}' is not supported`);
    }
    const text = textOfField(field);
    if (!text) return portError('precondition-failed', `invalid arg '${key}' for exchange '${exchange}'`);
    known[key === 'hash-header' ? 'hashHeader' : 'alternateExchange'] = text;
  }
  return known;
}
