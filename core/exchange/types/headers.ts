/**
 * The headers exchange: a binding's arguments are compared with the message's headers, whatever the routing key. AMQP
 * 0-9-1, section 3.1.3.4; https://www.rabbitmq.com/docs/exchanges#headers and `rabbit_exchange_type_headers`.
 *
 *   x-match      takes a message when                                          arguments that begin with `x-`
 *   all          every argument matches; also the default                      are not looked at
 *   any          at least one does                                             are not looked at
 *   all-with-x   every argument matches                                        are, but for `x-match` itself
 *   any-with-x   at least one does                                             are, but for `x-match` itself
 *
 * An argument matches a header of the same name and value; one that is null matches any value, so asks for presence
 * only. Without arguments to look at, "all" takes everything and "any" nothing.
 *
 * Values are equal when they are the same JSON value: 1 is 1.0 but not "1" nor true. RabbitMQ agrees on scalars; it
 * also tells apart what JSON does not have (64-bit integers above 2^53, timestamps, decimals) and compares nested tables
 * in the order in which they were written, here the order of members means nothing.
 */

import { failure, type Failure } from '../../../protocol/errors.ts';
import type { Binding, BindingArguments, Destination } from '../binding.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import type { BindingIndex, RoutedMessage } from '../exchange.ts';

const MATCH_KINDS = ['all', 'any', 'all-with-x', 'any-with-x'];

/** One argument that is looked at. */
interface Condition {
  readonly name: string;
  /** Null: any value. */
  readonly value: Json;
}

interface Rule {
  readonly destination: Destination;
  readonly needsAll: boolean;
  readonly conditions: readonly Condition[];
  /** Where the index lists it. */
  readonly listedUnder: readonly Condition[];
}

/** Rules by binding id. */
type Rules = Map<string, Rule>;

/** The rules listed under one header: those that ask for a value, by that value, and those that ask for presence. */
interface HeaderEntry {
  readonly byValue: Map<unknown, Rules>;
  readonly present: Rules;
}

export class HeadersIndex implements BindingIndex {
  /** Every rule by binding id. */
  readonly #rules: Rules = new Map();
  /**
   * A rule that needs all is listed under one of its conditions, the rarest when it came, and a rule that needs any under
   * each: a message looks only at rules listed under a header that it has.
   */
  readonly #byHeader = new Map<string, HeaderEntry>();
  /** Rules that take every message. */
  readonly #always: Rules = new Map();

  add({ id, destination, arguments: args }: Binding): void {
    const kind = args['x-match'];
    const needsAll = kind !== 'any' && kind !== 'any-with-x';
    const conditions = conditionsOf(args, kind === 'all-with-x' || kind === 'any-with-x');
    const listedUnder = needsAll ? this.#rarest(conditions) : conditions;
    const rule = { destination, needsAll, conditions, listedUnder };
    this.#rules.set(id, rule);
    for (const condition of listedUnder) this.#list(condition).set(id, rule);
    if (needsAll && conditions.length === 0) this.#always.set(id, rule);
  }

  remove({ id }: Binding): void {
    const rule = this.#rules.get(id);
    if (rule === undefined) return;
    this.#rules.delete(id);
    this.#always.delete(id);
    for (const condition of rule.listedUnder) this.#unlist(condition, id);
  }

  match({ headers }: RoutedMessage, visit: (destination: Destination) => void): void {
    for (const { destination } of this.#always.values()) visit(destination);
    for (const name of Object.keys(headers)) {
      const entry = this.#byHeader.get(name);
      if (entry === undefined) continue;
      visitMatching(entry.present, headers, visit);
      const rules = entry.byValue.get(lookupKey(headers[name]!));
      if (rules !== undefined) visitMatching(rules, headers, visit);
    }
  }

  /** The condition that fewest rules are listed under; none when there are no conditions. */
  #rarest(conditions: readonly Condition[]): Condition[] {
    const [first, ...others] = conditions;
    if (first === undefined) return [];
    const rarest = others.reduce((best, one) => (this.#listed(one) < this.#listed(best) ? one : best), first);
    return [rarest];
  }

  #listed({ name, value }: Condition): number {
    const entry = this.#byHeader.get(name);
    if (entry === undefined) return 0;
    return value === null ? entry.present.size : (entry.byValue.get(lookupKey(value))?.size ?? 0);
  }

  #list({ name, value }: Condition): Rules {
    const entry = getOrAdd(this.#byHeader, name, () => ({ byValue: new Map(), present: new Map() }));
    return value === null ? entry.present : getOrAdd(entry.byValue, lookupKey(value), () => new Map());
  }

  #unlist(condition: Condition, id: string): void {
    const { name, value } = condition;
    const rules = this.#list(condition);
    rules.delete(id);
    if (rules.size > 0) return;
    const entry = this.#byHeader.get(name)!;
    if (value !== null) entry.byValue.delete(lookupKey(value));
    if (entry.byValue.size === 0 && entry.present.size === 0) this.#byHeader.delete(name);
  }
}

/** What is wrong with the arguments of a binding, or null. RabbitMQ refuses the same ones. */
export function checkHeaderArguments(args: BindingArguments): Failure | null {
  const kind = args['x-match'];
  if (kind === undefined || (typeof kind === 'string' && MATCH_KINDS.includes(kind))) return null;
  return failure('invalid_field', `x-match is one of ${MATCH_KINDS.join(', ')}, not ${JSON.stringify(kind)}`);
}

function conditionsOf(args: BindingArguments, withX: boolean): Condition[] {
  return Object.entries(args)
    .filter(([name]) => (withX ? name !== 'x-match' : !name.startsWith('x-')))
    .map(([name, value]) => ({ name, value }));
}

function visitMatching(
  rules: Rules,
  headers: RoutedMessage['headers'],
  visit: (destination: Destination) => void,
): void {
  for (const { needsAll, conditions, destination } of rules.values()) {
    const holds = (condition: Condition): boolean => isMet(condition, headers);
    if (needsAll ? conditions.every(holds) : conditions.some(holds)) visit(destination);
  }
}

function isMet({ name, value }: Condition, headers: RoutedMessage['headers']): boolean {
  if (!Object.hasOwn(headers, name)) return false;
  return value === null || isSame(value, headers[name]!);
}

function isSame(a: Json, b: Json): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return canonicalJson(a) === canonicalJson(b);
}

/** Equal values have equal keys. An array may share its key with a string; `isMet` tells them apart. */
function lookupKey(value: Json): unknown {
  return typeof value === 'object' ? canonicalJson(value) : value;
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const existing = map.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  map.set(key, made);
  return made;
}
