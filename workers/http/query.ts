/**
 * Query parameters: text, until the schema of the operation says that a parameter is a number.
 *
 * A parameter whose schema takes text keeps its text, so that "007" stays the name "007". Only if the text is none that
 * the schema takes, and the schema takes numbers, is a decimal integer read as one. Names and values are decoded as HTML
 * forms encode them: `+` is a space, `%xx` a byte of UTF-8.
 */

import { ACCESS_TOKEN_PARAMETER } from '../../protocol/access/token-format.ts';
import type { Context } from 'hono';
import type { z } from 'zod';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import { check } from '../../protocol/fields/check.ts';
import { parseQuery } from '../../protocol/fields/parse-query.ts';
import { takesParameter } from './identity/credentials.ts';

/** Sign and digits; what is written as `1e3`, `0x10` or `1.0` is text. 16 digits hold every exact integer. */
const INTEGER = /^-?\d{1,16}$/;

/** Queries that are remembered for each schema, and the longest of them. Above that the memory starts anew. */
const REMEMBERED_MAX = 32;
const REMEMBERED_LENGTH_MAX = 100;

type Read = { fields: object };

/** What queries mean, by schema and text. Clients send the same few again and again, and handlers only read them. */
const remembered = new WeakMap<z.ZodObject, Map<string, Read>>();

export function readQuery<Schema extends z.ZodObject>(
  c: Context,
  schema: Schema,
): { fields: z.output<Schema> } | Failure {
  const search = searchOf(c.req.url);
  const known = remembered.get(schema)?.get(search);
  if (known !== undefined) return known as { fields: z.output<Schema> };
  const given = parseQuery(search);
  if (isFailure(given)) return given;
  const isSecret = takesParameter(c) && given.delete(ACCESS_TOKEN_PARAMETER); // read before the operation was looked at
  const values = [...given].map(([name, text]): [string, unknown] => {
    const parameter = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined;
    return [name, parameter ? valueOf(parameter, text) : text];
  });
  const checked = check(schema, Object.fromEntries(values), 'query');
  if (!isSecret && !isFailure(checked) && search.length <= REMEMBERED_LENGTH_MAX)
    remember(schema, search, checked);
  return checked;
}

function remember(schema: z.ZodObject, search: string, read: Read): void {
  const known = remembered.get(schema) ?? new Map<string, Read>();
  if (known.size >= REMEMBERED_MAX) known.clear();
  for (const value of Object.values(read.fields)) Object.freeze(value);
  Object.freeze(read.fields);
  known.set(search, read);
  remembered.set(schema, known);
}

/** The part behind the question mark. Parsing the whole address would take longer than all else here. */
function searchOf(url: string): string {
  const hash = url.indexOf('#');
  const address = hash === -1 ? url : url.slice(0, hash);
  const question = address.indexOf('?');
  return question === -1 ? '' : address.slice(question + 1);
}

function valueOf(schema: z.ZodType, text: string): string | number {
  if (!INTEGER.test(text) || !takesNumbers(schema)) return text;
  return mayTakeText(schema, text) && schema.safeParse(text).success ? text : Number(text);
}

/** Whether a number is among what the schema takes, behind `optional`, `default` and the alternatives of a union. */
function takesNumbers(schema: z.core.$ZodType): boolean {
  const { type, values } = definitionOf(schema);
  if (type === 'number') return true;
  if (values?.some((value) => typeof value === 'number')) return true;
  return within(schema).some(takesNumbers);
}

/** Whether the schema can take a text. To have it refused by the schema takes longer than all else here, as it writes down why. */
function mayTakeText(schema: z.core.$ZodType, text: string): boolean {
  const { type, values, entries, checks } = definitionOf(schema);
  if (type === 'number' || type === 'boolean') return false;
  if (type === 'literal') return values!.includes(text);
  if (type === 'enum') return Object.values(entries!).includes(text);
  if (type === 'string') return !(checks ?? []).some(({ _zod }) => _zod.def.pattern?.test(text) === false);
  const inner = within(schema);
  return inner.length === 0 || inner.some((each) => mayTakeText(each, text));
}

/** What is looked at of a definition. */
interface Definition {
  type: string;
  /** Of a literal. */
  values?: unknown[];
  /** Of an enumeration. */
  entries?: Record<string, unknown>;
  checks?: { _zod: { def: { pattern?: RegExp } } }[];
  innerType?: z.core.$ZodType;
  options?: z.core.$ZodType[];
  in?: z.core.$ZodType;
}

function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as Definition;
}

function within(schema: z.core.$ZodType): z.core.$ZodType[] {
  const { innerType, in: input, options = [] } = definitionOf(schema);
  return [innerType, input, ...options].filter((inner) => inner !== undefined);
}
