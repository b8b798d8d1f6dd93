/** Values of a JSON schema: right ones, nearly right ones, and hostile ones in their place. */

import fc from 'fast-check';
import type { Random } from '../../crash/random.ts';
import { RawJson } from '../requests/raw-json.ts';
import { HEADER_NAMES, RAW_NUMBERS, TOO_DEEP, userValue } from './user-values.ts';

export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  if?: Schema;
  then?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  examples?: unknown[];
  propertyNames?: Schema;
}

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random() * items.length)]!;
const between = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

/** What no schema asks for. */
const HOSTILE: readonly (() => unknown)[] = [
  () => null,
  () => true,
  () => '',
  () => -1,
  () => 0.5,
  () => 2 ** 53,
  () => 1e308,
  () => -Number.MAX_SAFE_INTEGER,
  () => [],
  () => ({}),
  () => [[[[[[]]]]]],
  () => ({ __proto__: null, constructor: { prototype: 1 } }),
  () => JSON.parse('{"__proto__": {"polluted": true}}') as unknown,
  () => ({ $base64: 'not base64!' }),
  () => ({ $base64: 'AA==', more: 1 }),
  () => '\u0000',
  () => '\ud800',
  () => ({ '\udc00': '\ud800' }),
  ...RAW_NUMBERS.map((text) => () => new RawJson(text)),
  () => new RawJson(TOO_DEEP),
  () => new RawJson('{"10":1,"9":{"__proto__":-0},"a":1,"a":2}'),
  () => Array.from({ length: 1_001 }, () => 'many'),
  () => '../../../etc/passwd',
  () => "'; DROP TABLE segments; --",
  () => '🚀'.repeat(300),
  () => 'x'.repeat(70_000),
  () => '9007199254740993',
  () => 'NaN',
];

/** What most requests are about, so that they meet each other. */
export const LIVING_NAMES = ['victim', 'other', 'third'];

/** Names that may be there, and some that are none. */
export const NAMES = [...LIVING_NAMES, 'victim.dlq', 'amq.default', 'amq.fanout', 'orders.#', '*', '007'];

export function hostile(random: Random): unknown {
  return pick(random, HOSTILE)();
}

/** The same value but for one place in it, which is hostile, missing, or there twice. */
export function spoiled(value: unknown, random: Random): unknown {
  const isLeaf = typeof value !== 'object' || value === null || value instanceof RawJson;
  if (isLeaf || random() < 0.15) return hostile(random);
  if (Array.isArray(value)) {
    if (value.length === 0) return [hostile(random)];
    const at = Math.floor(random() * value.length);
    const item = value[at] as unknown;
    const instead = pick(random, [[spoiled(item, random)], [spoiled(item, random)], [], [item, item]]);
    return [...(value as unknown[]).slice(0, at), ...instead, ...(value as unknown[]).slice(at + 1)];
  }
  const names = Object.keys(value);
  if (names.length === 0) return { surprise: hostile(random) };
  const name = pick(random, names);
  const { [name]: member, ...rest } = value as Record<string, unknown>;
  return random() < 0.2 ? rest : { ...rest, [name]: spoiled(member, random) };
}

/** @param spite the share of places, from 0 to 1, that get what does not belong there */
export function valueOf(schema: Schema, random: Random, spite: number, depth = 0): unknown {
  if (random() < spite) return hostile(random);
  if ('const' in schema) return schema.const;
  if (schema.enum) return pick(random, schema.enum);
  // Beside properties they are rules, for whoever draws to check.
  if (schema.properties) return obedient(objectOf(schema, random, spite, depth), schema, random, spite);
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return valueOf(pick(random, choice), random, spite, depth);
  if (schema.allOf)
    return Object.assign(
      {},
      ...schema.allOf.map((part) => valueOf(part, random, spite, depth) as object),
    ) as object;
  const type = Array.isArray(schema.type) ? pick(random, schema.type) : schema.type;
  if (type === 'object') return objectOf(schema, random, spite, depth);
  if (type === 'array') {
    const count = depth > 4 ? (schema.minItems ?? 0) : Math.max(schema.minItems ?? 0, between(random, 0, 4));
    return Array.from({ length: count }, () => valueOf(schema.items ?? {}, random, spite, depth + 1));
  }
  if (type === 'integer' || type === 'number') return numberOf(schema, random);
  if (type === 'string') return stringOf(schema, random);
  if (type === 'boolean') return random() < 0.5;
  if (type === 'null') return null;
  return userValue(random);
}

/** The object with what its rules of the form `if` and `then` need, and without what they do not allow. */
function obedient(
  value: Record<string, unknown>,
  { allOf = [], properties = {} }: Schema,
  random: Random,
  spite: number,
): Record<string, unknown> {
  for (const { if: condition, then } of allOf) {
    const members = Object.entries(condition?.properties ?? {});
    if (!then || members.length === 0 || members.some(([name, { const: wanted }]) => value[name] !== wanted))
      continue;
    for (const name of then.required ?? [])
      if (!Object.hasOwn(value, name)) value[name] = valueOf(properties[name]!, random, spite, 1);
    for (const [name, rule] of Object.entries(then.properties ?? {}))
      if ((rule as Schema | boolean) === false) delete value[name];
  }
  return value;
}

function objectOf(schema: Schema, random: Random, spite: number, depth: number): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isNeeded = schema.required?.includes(name) ?? false;
    const isGiven = isNeeded ? random() >= spite : random() < (depth === 0 ? 0.4 : 0.25);
    if (isGiven) made[name] = valueOf(property, random, spite, depth + 1);
  }
  const { additionalProperties: more } = schema;
  if (typeof more === 'object') {
    for (let count = between(random, 0, 2); count > 0; count--) {
      const name = pick(random, [...HEADER_NAMES, ':reserved']);
      const value = valueOf(more, random, spite, depth + 1);
      // An assignment to `__proto__` would make no member.
      Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  if (random() < spite) made['surprise'] = hostile(random);
  return made;
}

function numberOf({ minimum = 0, maximum = 1_000 }: Schema, random: Random): number {
  const chance = random();
  if (chance < 0.15) return minimum;
  if (chance < 0.25) return maximum;
  return between(random, minimum, Math.min(maximum, minimum + 20_000));
}

/** Some of them are numbers, or nothing, for whoever guesses. */
const TEXTS = ['', 'a', 'ключ', 'a.b.c', '日本', 'x'.repeat(200), '007', '1e3', '-0', 'null', '+', ' '];

function stringOf(schema: Schema, random: Random): string {
  const { minLength = 0, maxLength = 40, pattern, format, examples } = schema;
  if (examples) return pick(random, examples) as string;
  if (format === 'date-time') return new Date(Math.floor(random() * 4e12)).toISOString();
  if (pattern !== undefined) return matching(pattern, maxLength, random);
  const text = random() < 0.6 ? pick(random, NAMES) : pick(random, TEXTS);
  return text.padEnd(minLength, 'y').slice(0, maxLength);
}

interface Matcher {
  regex: RegExp;
  names: readonly string[];
  texts: fc.Arbitrary<string>;
}

/** By pattern: to make one takes a hundred times as long as to draw from it. */
const matchers = new Map<string, Matcher>();

function matcherOf(pattern: string): Matcher {
  let matcher = matchers.get(pattern);
  if (!matcher) {
    const regex = new RegExp(pattern, 'u');
    // It draws by no lookahead: those are checked afterwards.
    const loose = new RegExp(pattern.replaceAll(/\(\?!(?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g, ''), 'u');
    const names = NAMES.filter((name) => regex.test(name));
    matchers.set(pattern, (matcher = { regex, names, texts: fc.stringMatching(loose) }));
  }
  return matcher;
}

/** A name that matches, or any text that does. */
function matching(pattern: string, lengthMax: number, random: Random): string {
  const { regex, names, texts } = matcherOf(pattern);
  const fitting = names.filter((name) => name.length <= lengthMax);
  if (fitting.length > 0 && random() < 0.8) return pick(random, fitting);
  const drawn = fc.sample(texts, { numRuns: 5, seed: Math.floor(random() * 2 ** 31) });
  return drawn.find((text) => text.length <= lengthMax && regex.test(text)) ?? fitting[0] ?? '';
}
