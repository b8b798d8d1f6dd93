/** Subscriptions: put, read, delete, pause, resume, test, attempts. */

import type { Hono } from 'hono';
import { needsOfSource } from '../../core/access/reach.ts';
import { checkHeaderArguments } from '../../core/exchange/types/headers.ts';
import type { SubscriptionDefinition } from '../../core/topology/subscriptions.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { SubscriptionMethods } from '../../durable-objects/rpc/subscription.ts';
import { subscriptionStub, topologyStub } from '../../durable-objects/stubs.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import { JsonText } from '../../protocol/json/json-text.ts';
import { TOPOLOGY_VERSION_HEADER } from '../../protocol/headers/media-types.ts';
import { calls } from '../../protocol/operations/calls.ts';
import {
  attemptsQuerySchema,
  BATCH_FORMATS,
  subscriptionDeclarationSchema,
  subscriptionSeekSchema,
  type Attempt,
  type SubscriptionDeclaration,
  type SubscriptionList,
  type SubscriptionReply,
  type SubscriptionSought,
  type SubscriptionState,
  type SubscriptionTested,
  type SubscriptionWithStateReply,
} from '../../protocol/schemas/subscriptions.ts';
import { refuseReach } from '../access/authorize.ts';
import { refuseDefaultLetters } from '../access/default-letters.ts';
import { missingStoreTarget, refuseStoreTarget } from '../access/store-target.ts';
import { readNamed, type AppContext, type AppEnv } from '../http/context.ts';
import { diskFailureOf } from '../http/disk-failure.ts';
import { jsonReply } from '../http/json-reply.ts';
import { problem } from '../http/problem.ts';
import { readQuery } from '../http/query.ts';
import { readBody } from '../http/request.ts';
import { bind } from './bind.ts';
import { listReply } from './list-reply.ts';

export function subscriptionRoutes(app: Hono<AppEnv>): void {
  bind(app, calls.listSubscriptions, (c) =>
    listReply(c, 'subscriptions', (subscriptions): SubscriptionList => ({
      subscriptions: subscriptions.map(fieldsOf),
    })),
  );

  bind(app, calls.putSubscription, async (c) => {
    const path = readNamed(c, 'subscription');
    if (isFailure(path)) return problem(c, path);
    const body = await readBody(c, subscriptionDeclarationSchema);
    if (isFailure(body)) return problem(c, body);
    const refused =
      refuseReach(c, needsOfSource(body.fields.source)) ??
      checkSubscription(body.fields) ??
      (await refuseDefaultLetters(
        c,
        path.namespace,
        'subscription',
        leavesLetters(body.fields) ? [path.name] : [],
      )) ??
      (await refuseStoreTarget(c, path.namespace, body.fields)) ??
      (await missingStoreTarget(c, path.namespace, body.fields));
    if (refused) return problem(c, refused);
    const topology = topologyStub(c.env, path.namespace);
    const put = await topology.putSubscription(path.namespace, path.name, body.fields);
    if (isFailure(put)) return problem(c, put);
    const { subscription, topologyVersion, secret, isNew } = put;
    const reply = { ...fieldsOf(subscription as SubscriptionDefinition), ...(secret !== null && { secret }) };
    return subscriptionReply(c, reply, topologyVersion, isNew ? 201 : 200);
  });

  bind(app, calls.getSubscription, async (c) => {
    const found = await findSubscription(c);
    if (isFailure(found)) return problem(c, found);
    const { subscription, topologyVersion } = found;
    const state = await callSubscription<SubscriptionState>(
      c.env,
      subscription,
      async (stub) => await stub.describe(),
    );
    if (isFailure(state)) return problem(c, state);
    c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
    return jsonReply(c, {
      ...fieldsOf(subscription),
      topology_version: topologyVersion,
      state,
    } satisfies SubscriptionWithStateReply);
  });

  bind(app, calls.deleteSubscription, async (c) => {
    const path = readNamed(c, 'subscription');
    if (isFailure(path)) return problem(c, path);
    const deleted = await topologyStub(c.env, path.namespace).deleteSubscription(path.name);
    if (isFailure(deleted)) return problem(c, deleted);
    c.header(TOPOLOGY_VERSION_HEADER, String(deleted.topologyVersion));
    return c.json({ subscription: path.name, topology_version: deleted.topologyVersion });
  });

  bind(app, calls.pauseSubscription, (c) => setPaused(c, true));
  bind(app, calls.resumeSubscription, (c) => setPaused(c, false));

  bind(app, calls.testSubscription, async (c) => {
    const found = await findSubscription(c);
    if (isFailure(found)) return problem(c, found);
    const { subscription } = found;
    const attempt = await callSubscription<Attempt>(c.env, subscription, async (stub) => await stub.test());
    if (isFailure(attempt)) return problem(c, attempt);
    return jsonReply(c, { subscription: subscription.name, attempt } satisfies SubscriptionTested);
  });

  bind(app, calls.seekSubscription, async (c) => {
    const body = await readBody(c, subscriptionSeekSchema);
    if (isFailure(body)) return problem(c, body);
    const found = await findSubscription(c);
    if (isFailure(found)) return problem(c, found);
    const { subscription } = found;
    const offsets = await callSubscription<SubscriptionSought['offsets'] | Failure>(
      c.env,
      subscription,
      async (stub) => await stub.seek(body.fields),
    );
    if (isFailure(offsets)) return problem(c, offsets);
    return jsonReply(c, { subscription: subscription.name, offsets } satisfies SubscriptionSought);
  });

  bind(app, calls.listAttempts, async (c) => {
    const query = readQuery(c, attemptsQuerySchema);
    if (isFailure(query)) return problem(c, query);
    const found = await findSubscription(c);
    if (isFailure(found)) return problem(c, found);
    const { limit, failed } = query.fields;
    const attempts = await callSubscription<string>(
      c.env,
      found.subscription,
      async (stub) => await stub.attempts(limit, failed === 'true'),
    );
    if (isFailure(attempts)) return problem(c, attempts);
    return jsonReply(c, { attempts: JsonText.ofText(attempts) });
  });
}

/** Returns true if the broker chooses the queue of dead letters. */
export function leavesLetters({ source }: Pick<SubscriptionDeclaration, 'source'>): boolean {
  return 'topic' in source && source.dead_letter === undefined;
}

/** Returns what is wrong with a declaration that its schema cannot say; null: nothing. */
export function checkSubscription({
  batch_messages: max,
  format,
  filter,
}: SubscriptionDeclaration): Failure | null {
  if (max === 1 || BATCH_FORMATS.includes(format)) return checkHeaderArguments(filter?.headers ?? {});
  return failure(
    'invalid_field',
    `body batch_messages: a request of the format ${format} has one message; ${BATCH_FORMATS.join(' and ')} take more`,
  );
}

async function setPaused(c: AppContext, isPaused: boolean): Promise<Response> {
  const path = readNamed(c, 'subscription');
  if (isFailure(path)) return problem(c, path);
  const topology = topologyStub(c.env, path.namespace);
  const changed = await topology.pauseSubscription(path.name, isPaused ? 'asked' : null);
  if (isFailure(changed)) return problem(c, changed);
  return subscriptionReply(
    c,
    fieldsOf(changed.subscription as SubscriptionDefinition),
    changed.topologyVersion,
    200,
  );
}

async function findSubscription(
  c: AppContext,
): Promise<{ subscription: SubscriptionDefinition; topologyVersion: number } | Failure> {
  const path = readNamed(c, 'subscription');
  if (isFailure(path)) return path;
  const found = await topologyStub(c.env, path.namespace).subscription(path.name);
  const { subscription, topologyVersion } = found;
  if (subscription !== null) return { subscription: subscription as SubscriptionDefinition, topologyVersion };
  return failure('subscription_not_found', `there is no subscription "${path.name}"; PUT creates it`);
}

/** Calls a subscription, and once more if it has not been told of its definition yet. */
async function callSubscription<Result>(
  env: Env,
  subscription: SubscriptionDefinition,
  call: (stub: DurableObjectStub<SubscriptionMethods>) => Promise<Result | null>,
): Promise<Result | Failure> {
  try {
    const first = await call(subscriptionStub(env, subscription));
    if (first !== null) return first;
    await topologyStub(env, subscription.namespace).propagateOne('subscription', subscription.name);
    const second = await call(subscriptionStub(env, subscription));
    if (second !== null) return second;
  } catch (error) {
    console.error(`subscription ${subscription.name} failed`, error);
    const isDisk = diskFailureOf(error);
    if (isDisk) return isDisk;
  }
  return failure('subscription_unavailable', `subscription "${subscription.name}" did not answer; try again`);
}

function fieldsOf({
  name,
  config,
  nextSecret,
  authorization,
  oauth,
  pauseReason,
}: SubscriptionDefinition): SubscriptionList['subscriptions'][number] {
  return {
    subscription: name,
    ...config,
    filter: config.filter ?? null, // older definitions have none
    has_next_secret: nextSecret !== null,
    has_authorization: authorization !== null,
    has_oauth: oauth != null,
    is_paused: pauseReason !== null,
    pause_reason: pauseReason,
  };
}

function subscriptionReply(
  c: AppContext,
  fields: Omit<SubscriptionReply, 'topology_version'>,
  topologyVersion: number,
  status: 200 | 201,
): Response {
  c.header(TOPOLOGY_VERSION_HEADER, String(topologyVersion));
  const reply = { ...fields, topology_version: topologyVersion } satisfies SubscriptionReply;
  return jsonReply(c, reply, status);
}
