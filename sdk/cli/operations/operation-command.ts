/** Operation commands: one for each call of the API, made from `protocol/operations`. */

import { readFile } from 'node:fs/promises';
import { fieldsOf, type OperationField } from '../../../protocol/operations/fields.ts';
import { operations, textOfRule, type Operation } from '../../../protocol/operations/index.ts';
import { GLOBAL_FLAGS, type Argument, type Flag, type FlagValue } from '../arguments/flag.ts';
import { jsonOrText } from '../arguments/parse.ts';
import type { Command, CommandBody, Context } from '../command.ts';
import { Failure, usage } from '../failure.ts';
import { readAll } from '../input/read-all.ts';
import { followSocket, printPieces } from './open-replies.ts';
import { sendFile } from './send-file.ts';
import { listIn, sendForAllPages, sendOperation, type FilledOperation } from './send-operation.ts';
import { COLUMNS, VERBS, type OperationId } from './verbs.ts';

export const operationIds = Object.keys(operations) as OperationId[];

export function operationCommand(id: OperationId): Command {
  return {
    words: VERBS[id].split(' '),
    about: operations[id].summary,
    load: () => operationBody(id),
  };
}

/** What `--data` is for, and the only flag that is not a field. */
const DATA_FLAG: Flag = {
  name: 'data',
  short: 'd',
  kind: 'text',
  about: 'The body as one JSON object, `@file`, or `-` for standard input. Other flags add to it',
};

/** Where the bytes of the body are, for calls whose body is bytes. */
const FILE_FLAG: Flag = {
  name: 'file',
  short: 'f',
  kind: 'text',
  about: 'The file with the bytes, or `-` for standard input, which is the default',
};

/** Lists that are read to their end if no page is asked for. Messages can be too many. */
const isReadToItsEnd = (id: OperationId, fields: readonly OperationField[]): boolean =>
  id !== 'listDeadLetters' && id !== 'listMessages' && fields.some(({ name }) => name === 'after');

export function operationBody(id: OperationId): CommandBody {
  const operation: Operation = operations[id];
  const fields = fieldsOf(operation);
  const isOfNamespace = operation.path.startsWith('/v1/');
  const named = fields.filter(
    (field) => field.in === 'path' && !(isOfNamespace && field.name === 'namespace'),
  );
  const flagged = fields.filter((field) => field.in !== 'path' && !isGlobal(field) && !isInData(field));
  return {
    args: named.map(argumentOf),
    flags: [
      ...flagged.map(flagOf),
      ...(operation.body === undefined ? [] : [DATA_FLAG]),
      ...(operation.bytes === undefined ? [] : [FILE_FLAG]),
    ],
    notes: [
      `${operation.method.toUpperCase()} ${operation.path}   (posthorn call ${id})`,
      `It needs ${textOfRule(operation.access)}.`,
    ],
    run: async (context) => {
      const filled: FilledOperation = {
        operation,
        fields,
        values: await valuesOf(context, fields, operation),
      };
      await runOperation(id, filled, context);
    },
  };
}

async function runOperation(id: OperationId, filled: FilledOperation, context: Context): Promise<void> {
  const { printer, signal } = context;
  const connection = context.connect();
  if ('101' in filled.operation.replies) return await followSocket(filled, connection, context);
  if (Object.values(filled.operation.replies).some(({ isLines, json }) => isLines || json === undefined)) {
    return await printPieces(filled, connection, context);
  }
  if (filled.operation.bytes !== undefined)
    return await printer.result(await sendFile(filled, connection, context));
  const isPage = filled.values.has('after') || filled.values.has('limit');
  const isAll = !isPage && isReadToItsEnd(id, filled.fields);
  const reply = await (isAll ? sendForAllPages : sendOperation)(filled, connection, signal);
  const list = filled.operation.method === 'get' ? listIn(reply) : undefined;
  const isList = list !== undefined && filled.fields.some(({ name }) => name === 'after' || name === 'limit');
  if (!isList) return await printer.result(reply);
  const rows = (reply as Record<string, unknown>)[list] as Record<string, unknown>[];
  await printer.list(reply, rows, COLUMNS[id], `There are no ${list.replaceAll('_', ' ')}.`);
  const { next } = reply as { next?: unknown };
  if (!printer.isJson && typeof next === 'string') await printer.hint(`There are more: --after ${next}`);
}

/** A member that has the name of the flag for all of the body can only be given there. */
const isInData = ({ name }: OperationField): boolean => name === DATA_FLAG.name;

const isGlobal = ({ name }: OperationField): boolean => GLOBAL_FLAGS.some((flag) => flag.name === name);

function argumentOf({ name, description }: OperationField): Argument {
  return { name: name.toUpperCase(), about: description };
}

function flagOf({ name, type, isNullable, description, choices }: OperationField): Flag {
  return {
    name: name.replaceAll('_', '-'),
    kind: type,
    ...(isNullable && { isNullable }),
    about: description,
    ...(choices !== undefined && { choices }),
  };
}

async function valuesOf(
  context: Context,
  fields: readonly OperationField[],
  operation: Operation,
): Promise<Map<string, FlagValue>> {
  const values = new Map<string, FlagValue>(Object.entries(await dataOf(context)));
  for (const field of fields) {
    if (isInData(field)) continue;
    const value = isGlobal(field) ? globalValue(context, field) : givenValue(context, field);
    if (value !== undefined) values.set(field.name, value);
  }
  const missing = fields.filter(({ name, isRequired }) => isRequired && !values.has(name));
  if (missing.length > 0) {
    const words = context.command;
    throw usage(
      `posthorn ${words} needs ${missing.map(({ name }) => `--${name.replaceAll('_', '-')}`).join(', ')}`,
      `posthorn ${words} --help explains it`,
    );
  }
  const unknown = [...values.keys()].find((name) => !fields.some((field) => field.name === name));
  if (unknown !== undefined && !takesMore(operation))
    throw usage(`the body of ${operation.id} has no field "${unknown}"`);
  return values;
}

/** Whether the body may have members that the document does not name. */
function takesMore({ body }: Operation): boolean {
  const catchall = body?.json.def.catchall;
  return catchall !== undefined && catchall._zod.def.type !== 'never';
}

/** The namespace, of the path or of a body. A query is narrowed by it only if somebody has named one. */
function globalValue(context: Context, field: OperationField): FlagValue | undefined {
  const { name, in: where, isRequired } = field;
  if (context.args.has(name.toUpperCase())) return checkedPart(context, field);
  const { namespace, isNamespaceDefault } = context.connect().target;
  if (name !== 'namespace') return undefined;
  return where === 'path' || isRequired || !isNamespaceDefault ? namespace : undefined;
}

function givenValue(context: Context, field: OperationField): FlagValue | undefined {
  const { name, in: where } = field;
  return where === 'path' ? checkedPart(context, field) : context.flag(name.replaceAll('_', '-'));
}

/** A part of the path is checked here, because `..` would lead elsewhere. */
function checkedPart({ args }: Context, { name, pattern, description }: OperationField): string {
  const value = args.get(name.toUpperCase())!;
  const isPart =
    value !== '.' && value !== '..' && (pattern === undefined || new RegExp(pattern, 'u').test(value));
  if (isPart) return value;
  throw usage(`${name.toUpperCase()} "${value}" is not allowed`, description);
}

async function dataOf({ flag, io }: Context): Promise<object> {
  const given = flag<string>('data');
  if (given === undefined) return {};
  const text =
    given === '-' ? await readAll(io.stdin) : given.startsWith('@') ? await readText(given.slice(1)) : given;
  const data = jsonOrText(text);
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data;
  throw usage(`--data is a JSON object; got ${text.slice(0, 60)}`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Failure('usage', `--data: ${(cause as Error).message}`, { cause });
  }
}
