/**
 * Queue equivalence: what of a declaration has to be the same when a queue is declared again. RabbitMQ compares each argument that
 * it knows as it was given, so the values are kept beside what they mean here: several limits may mean the same.
 */

import { integerOfField, textOfField, type FieldTable } from '../codec/field-table.ts';
import { portError, type PortError } from '../reply-codes.ts';
import { isKnownArgument } from './queue-arguments.ts';

type Value = string | number | boolean;

/** Names as RabbitMQ has them, in the order of comparison: the flags, and the arguments by name. */
export type ComparedArguments = Readonly<Record<string, Value>>;

const TYPE = 'x-queue-type';

/** @param table checked by `readQueueArguments` */
export function comparedArguments(
  { durable, autoDelete }: { durable: boolean; autoDelete: boolean },
  table: FieldTable,
): ComparedArguments {
  const given: [string, Value][] = [];
  for (const [key, field] of table) {
    const value =
      integerOfField(field) ?? textOfField(field) ?? (field.type === 't' ? field.value : undefined);
    if (value === undefined || !isKnownArgument(key)) continue;
    if (key === TYPE && value === 'classic') continue; // what a queue is without it
    given.push([key, value]);
  }
  given.sort(([a], [b]) => (a < b ? -1 : 1));
  return { durable, auto_delete: autoDelete, ...Object.fromEntries(given) };
}

/** Null for a text that is not from `textOfCompared`. */
export function readCompared(text: string): ComparedArguments | null {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null && 'durable' in read
      ? (read as ComparedArguments)
      : null;
  } catch {
    return null;
  }
}

export const textOfCompared = (compared: ComparedArguments): string => JSON.stringify(compared);

/** Returns why a queue cannot be declared again so; null if it can. */
export function inequivalence(
  { queue, virtualHost }: { queue: string; virtualHost: string },
  is: ComparedArguments,
  wanted: ComparedArguments,
): PortError | null {
  const key = [...new Set([...Object.keys(is), ...Object.keys(wanted)])].find(
    (name) => is[name] !== wanted[name],
  );
  if (key === undefined) return null;
  const received = textOf(wanted[key]);
  const current = textOf(is[key]);
  const reason = `inequivalent arg '${key}' for queue '${queue}' in vhost '${virtualHost}': received ${received} but current is ${current}`;
  return portError('precondition-failed', reason);
}

const textOf = (value: Value | undefined): string => (value === undefined ? 'none' : `'${value}'`);
