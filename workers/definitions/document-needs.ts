/** Needs of a document: what its caller has to be allowed, as the declaration of each entry asks for it. */

import { needsOf, needsOfBindings, needsOfSource, needsOfTarget } from '../../core/access/reach.ts';
import { needsOfHook } from '../../core/hooks/hook-message.ts';
import type { Action, Need, ResourceKind } from '../../protocol/access/scopes.ts';
import {
  DEFINITION_LISTS,
  type DefinitionList,
  type Definitions,
} from '../../protocol/schemas/definitions.ts';

/** Policies and alert rules are settings of queues, and share groups are groups. */
const RESOURCES: Readonly<Record<DefinitionList, ResourceKind>> = {
  topics: 'topic',
  queues: 'queue',
  exchanges: 'exchange',
  bindings: 'exchange',
  policies: 'queue',
  alerts: 'queue',
  schedules: 'schedule',
  subscriptions: 'subscription',
  hooks: 'hook',
  share_groups: 'group',
};

/** Returns the needs of an action on everything of some kinds. */
export function needsOfLists(lists: readonly DefinitionList[], action: Action): Need[] {
  return [...new Set(lists.map((list) => RESOURCES[list]))].map((kind) => ({ kind, name: '*', action }));
}

/** @param isPruning it also deletes what it does not name */
export function needsOfDocument(document: Definitions, isPruning: boolean): Need[] {
  const { topics, queues, exchanges, bindings, policies, alerts, schedules, subscriptions } = document;
  const { hooks = [], share_groups: groups = [] } = document;
  const manage = (kind: ResourceKind, names: readonly string[]): Need[] => needsOf(kind, names, 'manage');
  const present = DEFINITION_LISTS.filter((list) => document[list] !== undefined);
  return [
    ...(isPruning ? needsOfLists(present, 'manage') : []),
    ...manage(
      'topic',
      (topics ?? []).map(({ topic }) => topic),
    ),
    ...manage(
      'queue',
      (queues ?? []).map(({ queue }) => queue),
    ),
    ...(queues ?? []).flatMap(({ dead_letter: target }) => needsOfTarget(target)),
    ...manage(
      'exchange',
      (exchanges ?? []).map(({ exchange }) => exchange),
    ),
    ...(exchanges ?? []).flatMap(({ alternate_exchange: exchange }) =>
      exchange == null ? [] : needsOfTarget({ exchange }),
    ),
    ...needsOfBindings(bindings ?? []),
    ...(policies ?? []).flatMap(({ definition }) => needsOfTarget(definition.dead_letter)),
    ...(policies || alerts ? manage('queue', ['*']) : []),
    ...manage(
      'schedule',
      (schedules ?? []).map(({ schedule }) => schedule),
    ),
    ...(schedules ?? []).flatMap(({ target }) => needsOfTarget(target)),
    ...manage(
      'subscription',
      (subscriptions ?? []).map(({ subscription }) => subscription),
    ),
    ...(subscriptions ?? []).flatMap(({ source }) => needsOfSource(source)),
    ...manage(
      'hook',
      hooks.map(({ hook }) => hook),
    ),
    ...hooks.flatMap(({ target }) => needsOfHook(target)),
    ...manage(
      'group',
      groups.map(({ share_group: name }) => name),
    ),
    ...groups.flatMap(({ topics: read }) => needsOf('topic', read, 'read')),
    ...groups.flatMap(({ dead_letter: target }) => needsOfTarget(target)),
  ];
}
