/**
 * What the home page knows of a namespace. This is the one place that asks for it: problems and totals come from the overview, names
 * and the states of queues in view from the lists, which know them from the overview too. No queue is asked.
 */

import { defaultDeadLetterQueue } from '../../protocol/names/name-rule.ts';
import type { GroupList } from '../../protocol/schemas/groups.ts';
import type { Overview, OverviewProblem, QueueOverview } from '../../protocol/schemas/overview.ts';
import type { QueueList, QueueReply, QueueWithStateReply } from '../../protocol/schemas/queues.ts';
import type { TopicList } from '../../protocol/schemas/topics.ts';
import type { Route } from '../route.ts';
import { call, pathOf } from './api.ts';
import { loadPages, mapSome } from './live.ts';

export type QueueDefinition = QueueList['queues'][number];
export type States = ReadonlyMap<string, QueueOverview>;

export interface Names {
  readonly queues: readonly QueueDefinition[];
  readonly topics: TopicList['topics'];
  readonly groups: readonly string[];
  /** Name of a queue that holds dead letters, to the queues whose dead letters it takes. */
  readonly deadLetterQueues: ReadonlyMap<string, readonly string[]>;
}

export interface Problem {
  readonly key: string;
  readonly text: string;
  readonly detail: string;
  readonly to: Route;
}

/** Names that the page lists, of each kind. */
const NAMES_MAX = 100_000;

/** Problems that the overview tells. */
const PROBLEMS_MAX = 100;

/** Queues in view whose state is asked for, and calls for them: neighbours by name share one. */
const STATES_MAX = 150;
const CALLS_MAX = 40;

/** Names of each kind that the page shows before it knows all. */
const FIRST_NAMES = 200;

/** The first names alone: what the page shows at once. */
export async function loadFirstNames(namespace: string, signal: AbortSignal): Promise<Names> {
  const list = <Page>(kind: string) =>
    call<Page>('GET', pathOf([namespace, kind], { limit: FIRST_NAMES }), { signal });
  const [{ queues }, { topics }, { groups }] = await Promise.all([
    list<QueueList>('queues'),
    list<TopicList>('topics').catch(() => ({ topics: [] })),
    list<GroupList>('groups').catch(() => ({ groups: [] })),
  ]);
  return namesOf(queues, topics, groups);
}

export async function loadNames(namespace: string, signal: AbortSignal): Promise<Names> {
  const list =
    <Page>(kind: string) =>
    (after: string | undefined) =>
      call<Page>('GET', pathOf([namespace, kind], { after }), { signal });
  const [queues, topics, groups] = await Promise.all([
    loadPages(list<QueueList>('queues'), (page) => page.queues, NAMES_MAX),
    loadPages(list<TopicList>('topics'), (page) => page.topics, NAMES_MAX).catch(() => []),
    loadPages(list<GroupList>('groups'), (page) => page.groups, NAMES_MAX).catch(() => []),
  ]);
  return namesOf(queues, topics, groups);
}

function namesOf(
  queues: readonly QueueDefinition[],
  topics: TopicList['topics'],
  groups: GroupList['groups'],
): Names {
  return {
    queues,
    topics,
    groups: groups.map(({ group }) => group),
    deadLetterQueues: deadLetterQueuesOf(queues),
  };
}

export async function loadOverview(namespace: string, signal: AbortSignal): Promise<Overview> {
  return await call('GET', pathOf([namespace, 'overview'], { limit: PROBLEMS_MAX }), { signal });
}

/** @param wanted names of queues, in the order of their names */
export async function loadStates(
  namespace: string,
  { queues }: Names,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<States> {
  const runs = runsOf(queues, new Set(wanted.slice(0, STATES_MAX))).slice(0, CALLS_MAX);
  const pages = await mapSome(runs, ({ first, count }) => {
    const after = first === 0 ? undefined : queues[first - 1]!.queue;
    const path = pathOf([namespace, 'queues'], { include: 'state', after, limit: count });
    return call<QueueList>('GET', path, { signal });
  });
  return new Map(
    pages.flatMap((page) =>
      page.queues.flatMap(({ queue, state }) => (state ? [[queue, state] as const] : [])),
    ),
  );
}

function runsOf(
  queues: readonly QueueDefinition[],
  wanted: ReadonlySet<string>,
): { first: number; count: number }[] {
  const runs: { first: number; count: number }[] = [];
  queues.forEach(({ queue }, index) => {
    if (!wanted.has(queue)) return;
    const last = runs.at(-1);
    if (last && last.first + last.count === index) last.count += 1;
    else runs.push({ first: index, count: 1 });
  });
  return runs;
}

export function loadQueue(
  namespace: string,
  queue: string,
  signal?: AbortSignal,
): Promise<QueueWithStateReply> {
  return call('GET', pathOf([namespace, 'queues', queue]), { signal });
}

/** What somebody should look at, the worst first. */
export function problemsOf(namespace: string, { problems, groups }: Overview, names: Names): Problem[] {
  return problems.map((problem) => {
    const { name, kind, partition, detail } = problem;
    const key = `${problem.problem} ${kind} ${name} ${partition ?? ''}`;
    // Its own detail says all of it: "3 dead letters of orders".
    const isWhole = problem.problem === 'dead_letters';
    const topic = kind === 'partition' ? name : groups.find(({ group }) => group === name)?.topics[0];
    const to: Route =
      kind === 'namespace'
        ? { page: 'cost', namespace }
        : kind === 'queue'
          ? placeOf(namespace, problem, names)
          : topic === undefined
            ? { page: 'home', namespace }
            : { page: 'topic', namespace, name: topic };
    return { key, text: isWhole ? detail : WORDS[problem.problem](name), detail: isWhole ? '' : detail, to };
  });
}

const WORDS: Readonly<Record<OverviewProblem['problem'], (name: string) => string>> = {
  dead_letters_growing: (name) => `Messages of ${name} die`,
  dead_letters: (name) => `${name} holds dead letters`,
  target_broken: (name) => `${name} cannot send its dead letters`,
  damaged: (name) => `${name} is damaged`,
  full: (name) => `${name} is full`,
  cost_ceiling: (name) => `${name} is at its cost ceiling`,
  storage_nearly_full: (name) => `${name} has nearly no room left`,
  alert_firing: (name) => `${name} has an alert`,
  lag_stuck: (name) => `${name} does not catch up`,
  old_messages: (name) => `${name} is late`,
  no_consumer: (name) => `${name} has no consumer`,
  paused: (name) => `${name} is paused`,
};

function placeOf(namespace: string, { problem, name }: OverviewProblem, { deadLetterQueues }: Names): Route {
  if (problem === 'dead_letters_growing') return { page: 'dead-letters', namespace, name };
  if (problem !== 'dead_letters') return { page: 'queue', namespace, name };
  const [only, ...others] = deadLetterQueues.get(name) ?? [];
  return { page: 'dead-letters', namespace, name: others.length === 0 && only !== undefined ? only : name };
}

export function deadLetterQueueOf({
  queue,
  dead_letter: target,
}: QueueDefinition | QueueReply): string | null {
  if (target === null) return defaultDeadLetterQueue(queue);
  return target !== 'none' && 'queue' in target ? target.queue : null;
}

function deadLetterQueuesOf(queues: readonly QueueDefinition[]): Map<string, string[]> {
  const existing = new Set(queues.map(({ queue }) => queue));
  const sources = new Map<string, string[]>();
  for (const definition of queues) {
    const target = deadLetterQueueOf(definition);
    if (target === null || !existing.has(target)) continue;
    sources.set(target, [...(sources.get(target) ?? []), definition.queue]);
  }
  return sources;
}
