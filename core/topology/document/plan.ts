/**
 * Plan: the steps that lead from the definitions of a namespace to a document. Entries that the document has are created or
 * changed in the order of the kinds, so that each finds what it refers to. With pruning, what the document does not have is
 * deleted in the opposite order, of the kinds that the document has.
 */

import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { DEFINITIONS_ENTRIES_MAX, DEFINITIONS_STEPS_MAX } from '../../../protocol/limits.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import {
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionKind,
  type DefinitionList,
  type DefinitionStep,
} from '../../../protocol/schemas/definitions.ts';
import { AUDIT_TOPIC } from '../../access/audit-topic.ts';
import type { BindingDeclaration } from '../../exchange/binding.ts';
import { canonicalJson, type Json } from '../../exchange/canonical-json.ts';
import { SECRET_FIELDS, wantedEntry, type Entry, type NamedKind } from './entries.ts';

/** A document that has passed its schema. Names of exchanges are as they are kept. */
export type DefinitionDocument = { readonly [List in DefinitionList]?: readonly Entry[] };

/** The definitions that are there. */
export interface PresentDefinitions {
  /** The settings of a definition; null: there is none. */
  entry(kind: NamedKind, name: string): Entry | null;
  /** All but what is predeclared. */
  names(kind: NamedKind): Iterable<string>;
  hasBinding(binding: BindingDeclaration): boolean;
  bindings(): Iterable<BindingDeclaration>;
}

export interface PlannedStep extends DefinitionStep {
  /** What is wanted, with its defaults; absent: it is deleted, or a binding. */
  readonly entry?: Entry;
  readonly binding?: BindingDeclaration;
}

export interface Plan {
  readonly steps: PlannedStep[];
  readonly unchanged: number;
}

export function planDefinitions(
  document: DefinitionDocument,
  present: PresentDefinitions,
  isPruning: boolean,
): Plan | Failure {
  const wrong = checkCount(document) ?? checkTwice(document);
  if (wrong) return wrong;
  const steps = kindsOf(document).flatMap(([kind, entries]) =>
    kind === 'binding' ? bindingSteps(entries, present) : entrySteps(kind, entries, present),
  );
  const total = DEFINITION_LISTS.reduce((sum, list) => sum + (document[list]?.length ?? 0), 0);
  const unchanged = total - steps.length;
  if (!isPruning) return { steps, unchanged };
  const deleted = deletions(document, present, DEFINITIONS_STEPS_MAX - steps.length);
  if (isFailure(deleted)) return deleted;
  const contradiction = checkDeleted(document, deleted);
  return contradiction ?? { steps: [...steps, ...deleted], unchanged };
}

/** Returns what a binding is called in plans. */
export function bindingText({
  source,
  destination: { kind, name },
  routing_key: key,
  arguments: given,
}: BindingDeclaration): string {
  const more = Object.keys(given).length === 0 ? '' : ` ${canonicalJson(given)}`;
  return `${source} -> ${kind} ${name} "${key}"${more}`;
}

function kindsOf(document: DefinitionDocument): [DefinitionKind, readonly Entry[]][] {
  return DEFINITION_LISTS.flatMap((list, index): [DefinitionKind, readonly Entry[]][] => {
    const entries = document[list];
    return entries === undefined ? [] : [[DEFINITION_KINDS[index]!, entries]];
  });
}

function entrySteps(kind: NamedKind, entries: readonly Entry[], present: PresentDefinitions): PlannedStep[] {
  return entries.flatMap((written): PlannedStep[] => {
    const name = written[kind] as string;
    const entry = wantedEntry(kind, written);
    const is = present.entry(kind, name);
    if (is === null) return [{ action: 'create', kind, name, entry }];
    const fields = differences(is, entry);
    return Object.keys(fields).length === 0 ? [] : [{ action: 'change', kind, name, fields, entry }];
  });
}

function bindingSteps(entries: readonly Entry[], present: PresentDefinitions): PlannedStep[] {
  return (entries as readonly unknown[] as readonly BindingDeclaration[])
    .filter((binding) => !present.hasBinding(binding))
    .map((binding) => ({ action: 'create', kind: 'binding', name: bindingText(binding), binding }));
}

/** Secrets that the document leaves out stay, and none is shown. */
function differences(is: Entry, wanted: Entry): NonNullable<DefinitionStep['fields']> {
  const fields: NonNullable<DefinitionStep['fields']> = {};
  for (const field of new Set([...Object.keys(is), ...Object.keys(wanted)])) {
    const isSecret = SECRET_FIELDS.has(field);
    if ((isSecret && wanted[field] === undefined) || isSame(is[field], wanted[field])) continue;
    fields[field] = isSecret
      ? {}
      : {
          ...(is[field] !== undefined && { is: is[field] }),
          ...(wanted[field] !== undefined && { wanted: wanted[field] }),
        };
  }
  return fields;
}

function isSame(a: unknown, b: unknown): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(a as Json) === canonicalJson(b as Json);
}

/** In the opposite order of the kinds: what refers to something goes before it. */
function deletions(
  document: DefinitionDocument,
  present: PresentDefinitions,
  stepsMax: number,
): PlannedStep[] | Failure {
  const steps: PlannedStep[] = [];
  for (const [kind, entries] of kindsOf(document).toReversed()) {
    for (const step of deletionsOf(kind, entries, document, present)) {
      if (steps.length >= stepsMax) return tooManySteps();
      steps.push(step);
    }
  }
  return steps;
}

function* deletionsOf(
  kind: DefinitionKind,
  entries: readonly Entry[],
  document: DefinitionDocument,
  present: PresentDefinitions,
): Generator<PlannedStep> {
  if (kind === 'binding') {
    const kept = new Set((entries as readonly unknown[] as BindingDeclaration[]).map(bindingText));
    for (const binding of present.bindings()) {
      const name = bindingText(binding);
      if (!kept.has(name)) yield { action: 'delete', kind, name, binding };
    }
    return;
  }
  const kept = new Set(entries.map((entry) => entry[kind] as string));
  if (kind === 'topic') kept.add(AUDIT_TOPIC);
  if (kind === 'queue') for (const queue of deadLetterQueues(document, present)) kept.add(queue);
  for (const name of present.names(kind)) if (!kept.has(name)) yield { action: 'delete', kind, name };
}

/** The broker makes these queues when the first dead letter needs one: they belong to what stays. */
function* deadLetterQueues(document: DefinitionDocument, present: PresentDefinitions): Generator<string> {
  for (const { queue, dead_letter: target } of document.queues ?? [])
    if (target == null) yield defaultDeadLetterQueue(queue as string);
  for (const [list, kind] of [
    ['share_groups', 'share_group'],
    ['subscriptions', 'subscription'],
  ] as const)
    if (document[list] === undefined)
      for (const name of present.names(kind)) yield defaultDeadLetterQueue(name);
  for (const { subscription: name, source } of document.subscriptions ?? [])
    if ((source as { dead_letter?: unknown }).dead_letter === undefined)
      yield defaultDeadLetterQueue(name as string);
  for (const { share_group: name, dead_letter: target } of document.share_groups ?? [])
    if (target === undefined) yield defaultDeadLetterQueue(name as string);
}

/** Refuses a document that refers to what its application would delete. */
function checkDeleted(document: DefinitionDocument, deleted: readonly PlannedStep[]): Failure | null {
  const gone = new Set(deleted.map(({ kind, name }) => `${kind} ${name}`));
  for (const [kind, entries] of kindsOf(document)) {
    for (const entry of entries) {
      const missing = referencesOf(kind, entry).find((reference) => gone.has(reference));
      if (missing === undefined) continue;
      const what =
        kind === 'binding'
          ? bindingText(entry as unknown as BindingDeclaration)
          : `"${entry[kind] as string}"`;
      return failure(
        'invalid_field',
        `the ${kind} ${what} needs the ${missing}, which the document does not have and prune would delete`,
      );
    }
  }
  return null;
}

/** What an entry cannot do without, as `kind name`. */
function referencesOf(kind: DefinitionKind, entry: Entry): string[] {
  const targetOf = (target: unknown): string[] =>
    Object.entries(target as object)
      .filter(([member]) => member === 'queue' || member === 'topic' || member === 'exchange')
      .map(([member, name]) => `${member} ${name as string}`);
  if (kind === 'binding') {
    const { source, destination } = entry as unknown as BindingDeclaration;
    return [`exchange ${source}`, `${destination.kind} ${destination.name}`];
  }
  if (kind === 'schedule' || kind === 'hook') return targetOf(entry['target']);
  if (kind === 'subscription') {
    const target = entry['target'] as { namespace?: string };
    return [...targetOf(entry['source']), ...(target.namespace === undefined ? targetOf(target) : [])];
  }
  if (kind === 'share_group') return (entry['topics'] as string[]).map((topic) => `topic ${topic}`);
  return [];
}

function checkCount(document: DefinitionDocument): Failure | null {
  const entries = DEFINITION_LISTS.reduce((sum, list) => sum + (document[list]?.length ?? 0), 0);
  if (entries <= DEFINITIONS_ENTRIES_MAX) return null;
  return failure(
    'definitions_too_large',
    `${entries} entries; a document may have ${DEFINITIONS_ENTRIES_MAX}: apply several, without prune`,
    { entries_max: DEFINITIONS_ENTRIES_MAX },
  );
}

function tooManySteps(): Failure {
  return failure(
    'definitions_too_large',
    `more than ${DEFINITIONS_STEPS_MAX} definitions would be created, changed or deleted; apply some kinds at a time`,
    { steps_max: DEFINITIONS_STEPS_MAX },
  );
}

function checkTwice(document: DefinitionDocument): Failure | null {
  for (const [kind, entries] of kindsOf(document)) {
    const seen = new Set<string>();
    for (const entry of entries) {
      const name =
        kind === 'binding' ? bindingText(entry as unknown as BindingDeclaration) : (entry[kind] as string);
      if (seen.has(name)) return failure('invalid_field', `the ${kind} "${name}" is there twice`);
      seen.add(name);
    }
  }
  return null;
}
