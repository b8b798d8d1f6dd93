/**
 * Application of a document: its plan and all of its steps in one commit, but for queues that are deleted. A queue has to be
 * closed first, which takes a call to it, so those are returned for the caller to delete.
 */

import { AUDIT_TOPIC } from '../../../core/access/audit-topic.ts';
import type { CountQuota } from '../../../core/access/quotas/quotas.ts';
import type { BindingDeclaration } from '../../../core/exchange/binding.ts';
import type { Entry } from '../../../core/topology/document/entries.ts';
import {
  planDefinitions,
  type DefinitionDocument,
  type Plan,
  type PlannedStep,
} from '../../../core/topology/document/plan.ts';
import type { ScheduleConfig } from '../../../core/topology/schedules.ts';
import { failure, isFailure, type Failure } from '../../../protocol/errors.ts';
import { defaultDeadLetterQueue } from '../../../protocol/names/name-rule.ts';
import type { AlertDeclaration } from '../../../protocol/schemas/alerts.ts';
import type { DefinitionStep } from '../../../protocol/schemas/definitions.ts';
import type { ExchangeDeclaration } from '../../../protocol/schemas/exchanges.ts';
import type { HookDeclaration } from '../../../protocol/schemas/hooks.ts';
import type { PolicyDeclaration } from '../../../protocol/schemas/policies.ts';
import type { QueueDeclaration } from '../../../protocol/schemas/queues.ts';
import type { ShareGroupDeclaration } from '../../../protocol/schemas/share-groups.ts';
import type { SubscriptionDeclaration } from '../../../protocol/schemas/subscriptions.ts';
import {
  topicChangeSchema,
  type TopicChange,
  type TopicConfig,
  type TopicDeclaration,
} from '../../../protocol/schemas/topics.ts';
import type { Env } from '../../env.ts';
import type { DefinitionsApplication, QueueDeletionRequest } from '../../rpc/topology.ts';
import { deleteAlertIn, putAlertIn } from '../definitions/alerts.ts';
import { declareBindingsIn, declareExchangeIn, deleteExchangeIn } from '../definitions/exchanges.ts';
import { deleteHookIn, putHookIn } from '../definitions/hooks.ts';
import { deletePolicyIn, putPolicyIn } from '../definitions/policies.ts';
import { declareQueueIn, replaceQueueIn, rulesIn, type QueueRules } from '../definitions/queues.ts';
import { deleteScheduleIn, putScheduleIn } from '../definitions/schedules.ts';
import { deleteShareGroupIn, putShareGroupIn } from '../definitions/share-groups.ts';
import { deleteSubscriptionIn, putSubscriptionIn } from '../definitions/subscriptions.ts';
import { changeTopicIn, declareTopicIn, deleteTopicIn } from '../definitions/topics.ts';
import type { TopologyStore } from '../topology-store.ts';
import { bindingIdOf, StoredDefinitions } from './stored-definitions.ts';

export interface AppliedDocument {
  readonly steps: DefinitionStep[];
  readonly unchanged: number;
  /** The step that is refused, and why. Nothing is changed then. */
  readonly refused: { readonly step: PlannedStep; readonly why: Failure } | null;
  /** Queues that the caller has to delete. */
  readonly queues: readonly Required<Pick<QueueDeletionRequest & { name: string }, 'name' | 'id'>>[];
}

interface Application {
  readonly store: TopologyStore;
  readonly env: Env;
  readonly namespace: string;
  readonly document: DefinitionDocument;
  readonly nowMs: number;
}

/** Undoes what was done, and brings out why. */
class Undo extends Error {
  readonly applied: AppliedDocument;

  constructor(applied: AppliedDocument) {
    super('undone');
    this.applied = applied;
  }
}

export function applyDocumentIn(
  application: Application,
  { isPruning, isDry, ifVersion }: DefinitionsApplication,
): AppliedDocument | Failure {
  const { store, document } = application;
  if (ifVersion !== null && ifVersion !== store.version()) {
    return failure(
      'definitions_changed',
      `the version of the topology is ${store.version()}, not ${ifVersion}; ask for a new plan`,
      { topology_version: store.version() },
    );
  }
  const plan = planDefinitions(document, new StoredDefinitions(store), isPruning);
  if (isFailure(plan)) return plan;
  try {
    return store.together(() => {
      const overQuota = checkQuotas(store, plan.steps);
      const applied = overQuota
        ? {
            steps: plan.steps.map((step) => shownStep(step)),
            unchanged: plan.unchanged,
            refused: overQuota,
            queues: [],
          }
        : store.quotas.granted(() => takeSteps(application, plan, isDry));
      if (isDry || applied.refused !== null) throw new Undo(applied);
      return applied;
    });
  } catch (error) {
    if (error instanceof Undo) return error.applied;
    throw error;
  }
}

/** Policies and alert rules come first, so that new queues have them from the start; bindings are made at once. */
function takeSteps(application: Application, { steps, unchanged }: Plan, isDry: boolean): AppliedDocument {
  const { store } = application;
  const secrets = new Map<PlannedStep, string>();
  const applied = (refused: AppliedDocument['refused']): AppliedDocument => ({
    steps: steps.map((step) => shownStep(step, secrets.get(step))),
    unchanged,
    refused,
    queues: steps
      .filter(({ action, kind }) => action === 'delete' && kind === 'queue')
      .map(({ name }) => ({ name, id: store.queues.get(name)!.definition.id })),
  });
  const isRule = ({ kind, action }: PlannedStep): boolean =>
    action !== 'delete' && (kind === 'policy' || kind === 'alert');
  let rules: QueueRules | null = null;
  let isBound = false;
  for (const step of [...steps.filter(isRule), ...steps.filter((each) => !isRule(each))]) {
    if (step.kind === 'binding' && step.action === 'create') {
      const refused = isBound ? null : bindAll(store, steps);
      if (refused) return applied(refused);
      isBound = true;
      continue;
    }
    if (!isRule(step)) rules ??= rulesIn(store);
    const answer = step.action === 'delete' ? deleteOne(application, step) : putOne(application, step, rules);
    if (isFailure(answer)) return applied({ step, why: answer });
    // The next one would be another.
    if (!isDry && answer !== null && 'secret' in answer && typeof answer.secret === 'string')
      secrets.set(step, answer.secret);
  }
  return applied(null);
}

function shownStep({ action, kind, name, fields }: PlannedStep, secret?: string): DefinitionStep {
  return { action, kind, name, ...(fields && { fields }), ...(secret !== undefined && { secret }) };
}

/** Everything at once, before the first step. What the document deletes still counts: it goes last. */
function checkQuotas(store: TopologyStore, steps: readonly PlannedStep[]): AppliedDocument['refused'] {
  const more: Record<CountQuota, number> = { queues: 0, topics: 0, partitions: 0, bindings: 0, groups: 0 };
  const first = new Map<CountQuota, PlannedStep>();
  const add = (quota: CountQuota, count: number, step: PlannedStep): void => {
    if (count <= 0) return;
    more[quota] += count;
    if (!first.has(quota)) first.set(quota, step);
  };
  for (const step of steps) {
    const { action, kind, name, entry, fields } = step;
    const isNew = action === 'create';
    if (kind === 'queue' && isNew) add('queues', 1, step);
    if (kind === 'binding' && isNew) add('bindings', 1, step);
    if (kind === 'share_group' && isNew) {
      add('groups', 1, step);
      if (hasDefaultQueue(name, entry!)) add('queues', 1, step);
    }
    if (kind === 'subscription' && isNew && hasDefaultQueue(name, entry!['source'] as Entry))
      add('queues', 1, step);
    if (kind !== 'topic' || action === 'delete' || name === AUDIT_TOPIC) continue;
    const { partitions } = entry as unknown as TopicConfig;
    if (isNew) add('topics', 1, step);
    add(
      'partitions',
      partitions - ((fields?.['partitions']?.is as number) ?? (isNew ? 0 : partitions)),
      step,
    );
  }
  for (const [quota, step] of first) {
    const why = store.quotas.refusal(quota, more[quota]);
    if (why) return { step, why };
  }
  return null;
}

function hasDefaultQueue(name: string, { dead_letter: target }: Entry): boolean {
  return (target as { queue?: string } | undefined)?.queue === defaultDeadLetterQueue(name);
}

function bindAll(store: TopologyStore, steps: readonly PlannedStep[]): AppliedDocument['refused'] {
  const created = steps.filter(({ action, kind }) => action === 'create' && kind === 'binding');
  const made = declareBindingsIn(
    store,
    created.map(({ binding }) => binding!),
  );
  if (!isFailure(made)) return null;
  const { binding: index, ...details } = made.details ?? {};
  return { step: created[(index as number | undefined) ?? 0]!, why: { ...made, details } };
}

function putOne(
  { store, env, namespace, nowMs }: Application,
  { action, kind, name, fields, entry }: PlannedStep,
  rules: QueueRules | null,
): object | Failure {
  const settings = entry as unknown;
  switch (kind) {
    case 'topic':
      if (action === 'create')
        return declareTopicIn(store, env, namespace, name, settings as TopicDeclaration);
      return changeTopic(store, env, name, fields!, settings as TopicConfig);
    case 'queue':
      if (action === 'create')
        return declareQueueIn(store, namespace, name, settings as QueueDeclaration, rules!);
      return replaceQueueIn(store, name, settings as QueueDeclaration, rules!);
    case 'exchange':
      return declareExchangeIn(store, name, settings as ExchangeDeclaration);
    case 'policy':
      return putPolicyIn(store, name, settings as PolicyDeclaration);
    case 'alert': {
      const { secret, webhook, ...rest } = settings as AlertDeclaration & { secret?: string };
      const declaration = { ...rest, webhook: { ...webhook, ...(secret !== undefined && { secret }) } };
      return putAlertIn(store, env, name, declaration);
    }
    case 'schedule':
      return putScheduleIn(store, namespace, name, settings as ScheduleConfig, nowMs);
    case 'subscription':
      return putSubscription(store, env, namespace, name, settings as SubscriptionDeclaration);
    case 'hook':
      return putHookIn(store, name, settings as HookDeclaration);
    case 'share_group':
      return putShareGroup(store, namespace, name, settings as ShareGroupDeclaration);
    case 'binding':
      throw new Error('bindings are made at once');
  }
}

function changeTopic(
  store: TopologyStore,
  env: Env,
  name: string,
  fields: NonNullable<PlannedStep['fields']>,
  config: TopicConfig,
): object | Failure {
  const names = Object.keys(fields);
  const fixed = names.find((field) => !Object.hasOwn(topicChangeSchema.shape, field));
  if (fixed !== undefined) {
    const { is, wanted } = fields[fixed]!;
    return failure(
      'topic_differs',
      `topic "${name}" exists and its ${fixed} is ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}; it cannot change`,
      { differing: [{ field: fixed, is, wanted }] },
    );
  }
  const change = Object.fromEntries(names.map((field) => [field, config[field as keyof TopicConfig]]));
  return changeTopicIn(store, env, name, change as TopicChange);
}

/** A dead-letter queue that a declaration leaves to the broker is made with the group. */
function putShareGroup(
  store: TopologyStore,
  namespace: string,
  name: string,
  declaration: ShareGroupDeclaration,
): object | Failure {
  const { dead_letter: _, ...rest } = declaration;
  return putShareGroupIn(store, namespace, name, hasDefaultQueue(name, declaration) ? rest : declaration);
}

/** As `putShareGroup`, for a subscription that takes from a topic. */
function putSubscription(
  store: TopologyStore,
  env: Env,
  namespace: string,
  name: string,
  declaration: SubscriptionDeclaration,
): object | Failure {
  const { source } = declaration;
  if (!('topic' in source) || !hasDefaultQueue(name, source))
    return putSubscriptionIn(store, env, namespace, name, declaration);
  const { dead_letter: _, ...rest } = source;
  return putSubscriptionIn(store, env, namespace, name, { ...declaration, source: rest });
}

/** What another deletion has taken along is done. */
function deleteOne(
  { store, document }: Application,
  { kind, name, binding }: PlannedStep,
): object | Failure | null {
  switch (kind) {
    case 'topic':
      return deleteTopicIn(store, name);
    case 'queue':
      return null;
    case 'exchange':
      return store.exchange(name) === null ? null : deleteExchangeIn(store, name, false);
    case 'policy':
      return deletePolicyIn(store, name);
    case 'alert':
      return deleteAlertIn(store, name);
    case 'schedule':
      return deleteScheduleIn(store, name);
    case 'subscription':
      return deleteSubscriptionIn(store, name);
    case 'hook':
      return deleteHookIn(store, name);
    case 'share_group':
      return deleteShareGroupIn(store, name);
    case 'binding':
      unbind(store, binding!, document);
      return null;
  }
}

function unbind(
  store: TopologyStore,
  binding: BindingDeclaration,
  { exchanges = [] }: DefinitionDocument,
): void {
  const { source } = binding;
  const id = bindingIdOf(binding);
  if (!store.bindings.has(source, id)) return;
  store.removeBinding(
    source,
    id,
    exchanges.some(({ exchange }) => exchange === source),
  );
}
