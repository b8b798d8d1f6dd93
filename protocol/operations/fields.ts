/** Fields of an operation: what its path, query and body take, one by one, for callers that ask people for them. */

import * as z from '../zod.ts';
import { PATH_PARAMETERS, type Operation } from './operation.ts';

export interface OperationField {
  /** As on the wire. */
  readonly name: string;
  readonly in: 'path' | 'query' | 'body';
  /** How a text becomes the value. `json`: an object, an array, or one of several forms. */
  readonly type: 'text' | 'number' | 'boolean' | 'json';
  readonly isRequired: boolean;
  /** Null is a value of it. */
  readonly isNullable: boolean;
  readonly description: string;
  /** What a part of the path looks like, as a regular expression. */
  readonly pattern?: string;
  /** The only texts that are taken, if they are known. */
  readonly choices?: readonly string[];
}

interface JsonSchema {
  type?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  description?: string;
  default?: unknown;
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** Returns the parts of the path, then the query, then the body. A name of both query and body is that of the body. */
export function fieldsOf(operation: Operation): OperationField[] {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']): OperationField => ({
    name,
    in: 'path',
    type: 'text',
    isRequired: true,
    isNullable: false,
    description: PATH_PARAMETERS[name]!.description,
    ...patternOf(name),
  }));
  const inBody = membersOf(operation.body?.json, 'body');
  const inQuery = membersOf(operation.query, 'query').filter(
    ({ name }) => !inBody.some((field) => field.name === name),
  );
  return [...inPath, ...inQuery, ...inBody];
}

function patternOf(parameter: string): { pattern?: string } {
  const { type, pattern } = PATH_PARAMETERS[parameter]!;
  if (type === 'integer') return { pattern: '^\\d+$' };
  return typeof pattern === 'string' ? { pattern } : {};
}

function membersOf(schema: z.ZodObject | undefined, where: 'query' | 'body'): OperationField[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'input',
    reused: 'inline',
  }) as JsonSchema;
  return Object.entries(properties).map(([name, member]) =>
    fieldOf(name, where, member, required.includes(name)),
  );
}

function fieldOf(
  name: string,
  where: 'query' | 'body',
  member: JsonSchema,
  isRequired: boolean,
): OperationField {
  const forms = (member.anyOf ?? [member]).flatMap((form) => form.anyOf ?? [form]);
  const values = forms.filter(({ type }) => type !== 'null');
  const type = typeOf(values);
  const choices = type === 'text' ? choicesOf(values) : type === 'boolean' ? wordsOf(values) : null;
  return {
    name,
    in: where,
    type,
    isRequired,
    isNullable: values.length < forms.length,
    description: [member.description ?? '', defaultOf(member)].filter(Boolean).join('. '),
    ...(choices !== null && { choices }),
  };
}

function typeOf(forms: readonly JsonSchema[]): OperationField['type'] {
  const texts = forms.flatMap(({ enum: values = [] }) => values);
  if (texts.includes('true') && texts.includes('false')) return 'boolean';
  const types = new Set(forms.map(({ type }) => type));
  if (types.size === 1 && types.has('boolean')) return 'boolean';
  if ([...types].every((type) => type === 'integer' || type === 'number')) return 'number';
  if ([...types].every((type) => type === 'string')) return 'text';
  return 'json';
}

/** What a member may be besides true and false. */
function wordsOf(forms: readonly JsonSchema[]): string[] | null {
  const words = forms
    .flatMap(({ enum: values = [] }) => values.map(String))
    .filter((word) => word !== 'true' && word !== 'false');
  return words.length > 0 ? words : null;
}

function choicesOf(forms: readonly JsonSchema[]): string[] | null {
  const all = forms.map(({ enum: values, const: only }) => values ?? (only === undefined ? null : [only]));
  return all.some((values) => values === null) ? null : all.flat().map(String);
}

function defaultOf({ default: value, description = '' }: JsonSchema): string {
  return value === undefined || /default/i.test(description) ? '' : `Default ${JSON.stringify(value)}`;
}
