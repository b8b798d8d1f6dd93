/** Binding arguments: those of AMQP as the broker has them. */

import type { BindingArguments } from '../../sdk/admin/exchange-types.ts';
import type { FieldTable } from '../../wire/amqp/codec/field-table.ts';
import { portError, type PortError } from '../../wire/amqp/reply-codes.ts';
import { textOf } from './messages.ts';

export function argumentsOf(table: FieldTable): BindingArguments | PortError {
  const given = new Map<string, string | number | boolean | null>();
  for (const [name, field] of table) {
    if (field.type === 't') given.set(name, field.value);
    else {
      const text = textOf(field);
      if (text === undefined) return portError('not-implemented', `binding argument '${name}' of that type`);
      given.set(name, field.type === 'S' || text === null ? text : Number(text));
    }
  }
  return Object.fromEntries(given);
}
