/**
 * Definitions: what is declared in a namespace, as one document.
 *
 *     { "posthorn": 1, "topics": [{"topic": "orders", ...}], "queues": [...], "exchanges": [...], "bindings": [...],
 *       "policies": [...], "alerts": [...], "schedules": [...], "subscriptions": [...], "hooks": [...], "share_groups": [...] }
 *
 * An entry has its name and the settings that its declaration takes, as on the wire. A plan compares two of them.
 */

import { fieldsOf } from '../../../protocol/operations/fields.ts';
import { matchesPattern } from '../../../protocol/name-pattern.ts';
import { operations, type Operation } from '../../../protocol/operations/index.ts';
import { QUEUE_DEFAULTS } from '../../../protocol/schemas/queues.ts';
import { suggestion } from '../arguments/nearest.ts';
import type { OperationId } from '../operations/verbs.ts';

export const DOCUMENT_VERSION = 1;

export type Entry = Readonly<Record<string, unknown>>;

export interface Kind {
  /** The member of the document, and of the reply to the list. */
  readonly plural: string;
  /** The member that names an entry, and the part of the path. */
  readonly name: string;
  readonly list: OperationId;
  /** Creates it, or replaces what can be replaced. */
  readonly put: OperationId;
  /** Changes one that exists, where `put` refuses to. */
  readonly change?: OperationId;
  readonly remove: OperationId;
}

/** In an order in which each finds what it refers to. Bindings have no names and come between. */
export const KINDS: readonly Kind[] = [
  {
    plural: 'topics',
    name: 'topic',
    list: 'listTopics',
    put: 'declareTopic',
    change: 'changeTopic',
    remove: 'deleteTopic',
  },
  {
    plural: 'queues',
    name: 'queue',
    list: 'listQueues',
    put: 'declareQueue',
    change: 'changeQueue',
    remove: 'deleteQueue',
  },
  {
    plural: 'exchanges',
    name: 'exchange',
    list: 'listExchanges',
    put: 'declareExchange',
    remove: 'deleteExchange',
  },
  { plural: 'policies', name: 'policy', list: 'listPolicies', put: 'putPolicy', remove: 'deletePolicy' },
  { plural: 'alerts', name: 'alert', list: 'listAlerts', put: 'putAlert', remove: 'deleteAlert' },
  {
    plural: 'schedules',
    name: 'schedule',
    list: 'listSchedules',
    put: 'putSchedule',
    remove: 'deleteSchedule',
  },
  {
    plural: 'subscriptions',
    name: 'subscription',
    list: 'listSubscriptions',
    put: 'putSubscription',
    remove: 'deleteSubscription',
  },
  { plural: 'hooks', name: 'hook', list: 'listHooks', put: 'putHook', remove: 'deleteHook' },
  {
    plural: 'share_groups',
    name: 'share_group',
    list: 'listShareGroups',
    put: 'putShareGroup',
    remove: 'deleteShareGroup',
  },
];

export type Definitions = Readonly<Record<string, readonly Entry[]>>;

/** The fields that an operation takes in its body. */
export function bodyFields(id: OperationId): string[] {
  const operation: Operation = operations[id];
  return fieldsOf(operation)
    .filter((field) => field.in === 'body')
    .map(({ name }) => name);
}

/** What of a listed item a declaration takes. */
export function entryOf({ name, put }: Kind, item: Entry): Entry {
  const kept = [name, ...bodyFields(put)].filter((field) => item[field] !== undefined);
  return Object.fromEntries(kept.map((field) => [field, item[field]]));
}

/**
 * Returns a queue without the settings that it has not of itself: those that its policy sets, and the defaults. The list has
 * what is in force; imported as settings of the queue they would go before every policy.
 */
export function ownSettings(queue: Entry, policies: readonly Entry[]): Entry {
  const name = queue['queue'] as string;
  const [policy] = policies
    .filter(({ pattern }) => matchesPattern(pattern as string, name))
    .sort(
      (a, b) => precedence(b) - precedence(a) || ((a['policy'] as string) < (b['policy'] as string) ? -1 : 1),
    );
  const inherited: Entry = { ...QUEUE_DEFAULTS, ...(policy?.['definition'] as Entry | undefined) };
  return Object.fromEntries(
    Object.entries(queue).filter(
      ([field, value]) =>
        !Object.hasOwn(inherited, field) || canonical(value) !== canonical(inherited[field]),
    ),
  );
}

const precedence = ({ priority }: Entry): number => priority as number;

export interface Step {
  readonly action: 'create' | 'change' | 'delete';
  readonly kind: string;
  readonly name: string;
  /** The fields that differ, for a change: what is, and what shall be. */
  readonly fields?: Readonly<Record<string, { is: unknown; shall: unknown }>>;
}

/** Returns the steps that lead from one state to another, in the order of the kinds. */
export function planOf(is: Definitions, shall: Definitions, isPruning: boolean): Step[] {
  const steps: Step[] = [];
  for (const { plural, name } of KINDS) {
    if (shall[plural] === undefined) continue;
    const before = new Map((is[plural] ?? []).map((entry) => [entry[name] as string, entry]));
    for (const entry of shall[plural]) {
      const id = entry[name] as string;
      const current = before.get(id);
      before.delete(id);
      if (current === undefined) steps.push({ action: 'create', kind: name, name: id });
      else {
        const fields = differences(current, entry);
        if (Object.keys(fields).length > 0) steps.push({ action: 'change', kind: name, name: id, fields });
      }
    }
    if (isPruning) for (const id of before.keys()) steps.push({ action: 'delete', kind: name, name: id });
  }
  const bound = new Set((is['bindings'] ?? []).map(bindingKey));
  for (const binding of shall['bindings'] ?? []) {
    if (!bound.delete(bindingKey(binding)))
      steps.push({ action: 'create', kind: 'binding', name: bindingKey(binding) });
  }
  if (isPruning && shall['bindings'] !== undefined) {
    for (const key of bound) steps.push({ action: 'delete', kind: 'binding', name: key });
  }
  return steps;
}

/** Returns what is wrong with the entries of a document: a setting that nobody knows, or a name that is there twice; null: nothing. */
export function problemOf(definitions: Definitions): string | null {
  for (const { plural, name, put } of KINDS) {
    const known = [name, ...bodyFields(put)];
    const names = new Set<unknown>();
    for (const entry of definitions[plural] ?? []) {
      const what = `${name} "${entry[name] as string}"`;
      const unknown = Object.keys(entry).find((field) => !known.includes(field));
      if (unknown !== undefined)
        return `${what} has a setting "${unknown}", which nobody knows${suggestion(unknown, known)}`;
      if (names.has(entry[name])) return `${what} is there twice`;
      names.add(entry[name]);
    }
  }
  const keys = new Set<string>();
  for (const key of (definitions['bindings'] ?? []).map(bindingKey)) {
    if (keys.has(key)) return `the binding ${key} is there twice`;
    keys.add(key);
  }
  return null;
}

/** Returns the settings of a change that what exists cannot take. */
export function fixedFields({ action, kind: name, fields = {} }: Step): string[] {
  const kind = KINDS.find((each) => each.name === name);
  if (action !== 'change' || kind?.change === undefined) return [];
  const changeable = bodyFields(kind.change);
  return Object.keys(fields).filter((field) => !changeable.includes(field));
}

/** Returns how many entries and bindings of the wanted state are there as they shall be. */
export function unchangedBy(shall: Definitions, steps: readonly Step[]): number {
  const wanted = Object.values(shall).reduce((sum, entries) => sum + entries.length, 0);
  return wanted - steps.filter(({ action }) => action !== 'delete').length;
}

/** Fields that the wanted entry leaves out are not compared: they keep what they have. */
function differences(is: Entry, shall: Entry): Record<string, { is: unknown; shall: unknown }> {
  const different = Object.keys(shall).filter((field) => canonical(is[field]) !== canonical(shall[field]));
  return Object.fromEntries(
    different.map((field) => [field, { is: is[field] ?? null, shall: shall[field] }]),
  );
}

/** A binding is what it connects. */
export function bindingKey({
  source,
  destination,
  routing_key: key = '',
  arguments: given = {},
}: Entry): string {
  const { kind, name } = destination as { kind: string; name: string };
  const more = Object.keys(given as object).length === 0 ? '' : ` ${canonical(given)}`;
  return `${source as string} -> ${kind} ${name} "${key as string}"${more}`;
}

/** JSON with members in one order. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
