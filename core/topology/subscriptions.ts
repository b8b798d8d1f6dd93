/** Subscription definitions: what a declaration makes, what a pause does, and what the queue keeps of one. */

import { pushWindow } from '../subscription/push-window.ts';
import {
  BATCH_FORMATS,
  PUSH_LEASE_MS_MAX,
  type OAuthClient,
  type PauseReason,
  type SubscriptionDeclaration,
  type StoreTarget,
  type SubscriptionSource,
  type SubscriptionTarget,
  type WorkerTarget,
} from '../../protocol/schemas/subscriptions.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import type { TopicConfig } from '../../protocol/schemas/topics.ts';
import type { TopicAddress, TopicDefinition, TopicSubscription } from './topics.ts';

/** The declaration without its secrets, and with what was left out of its source. */
export type SubscriptionConfig = Omit<
  SubscriptionDeclaration,
  'source' | 'secret' | 'next_secret' | 'authorization' | 'oauth'
> & { source: SubscriptionSource };

/** Of the definition of a topic, what its subscriptions need to reach its partitions. */
export interface SourceTopic extends TopicAddress {
  version: number;
  config: Pick<TopicConfig, 'jurisdiction' | 'location_hint' | 'partitions'>;
}

export interface SubscriptionDefinition {
  readonly namespace: string;
  readonly name: string;
  /** The version of the topology that created it: part of its object's name. */
  readonly id: number;
  /** The version of the topology that changed it last. */
  readonly version: number;
  readonly config: SubscriptionConfig;
  /** Its source as it was when the definition was made; absent: it is a queue. */
  readonly topic?: SourceTopic;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly nextSecret: string | null;
  /** The value of the header `authorization`. */
  readonly authorization: string | null;
  /** It goes before `authorization`. Absent in older definitions: none. */
  readonly oauth?: OAuthClient | null;
  /** Null: it runs. */
  readonly pauseReason: PauseReason | null;
  /** How often it was resumed: each time its breaker closes. */
  readonly resumes: number;
}

/** What a queue has to know of a subscription that takes from it. */
export interface QueueSubscription {
  readonly name: string;
  readonly id: number;
  /** Messages that it may hold until it says how many. */
  readonly window: number;
  readonly leaseMs: number;
}

/** Of the definition of a queue or a topic, what subscriptions change. */
interface Fed<Subscription> {
  version: number;
  subscriptions?: readonly Subscription[];
}

/** What a lease has beyond the time of the requests: for the settlement, and for clocks. */
const LEASE_MARGIN_MS = 15_000;

/**
 * Creates or replaces a subscription. Returns the same object if nothing changes. A paused one stays paused; secrets that are
 * left out stay.
 */
export function declareSubscription(
  existing: SubscriptionDefinition | null,
  namespace: string,
  name: string,
  declaration: SubscriptionDeclaration & Pick<SubscriptionConfig, 'source'>,
  topic: SourceTopic | null,
  nextVersion: number,
  newSecret: string,
): { definition: SubscriptionDefinition; madeSecret: boolean } {
  const { secret, next_secret: nextSecret, authorization, oauth, ...config } = declaration;
  const made: SubscriptionDefinition = {
    namespace,
    name,
    id: existing?.id ?? nextVersion,
    version: nextVersion,
    config,
    ...(topic && { topic }),
    secret: secret ?? existing?.secret ?? newSecret,
    nextSecret: nextSecret === undefined ? (existing?.nextSecret ?? null) : nextSecret,
    authorization: authorization === undefined ? (existing?.authorization ?? null) : authorization,
    oauth: oauth === undefined ? (existing?.oauth ?? null) : oauth,
    pauseReason: existing?.pauseReason ?? null,
    resumes: existing?.resumes ?? 0,
  };
  const madeSecret = made.secret === newSecret;
  return existing && isSame(existing, made)
    ? { definition: existing, madeSecret }
    : { definition: made, madeSecret };
}

/**
 * Returns why the credentials that a declaration leaves out cannot stay; null if they can. They were given for one server: whoever may
 * change the target shall not get them by having them sent elsewhere.
 */
export function credentialProblem(
  existing: SubscriptionDefinition | null,
  { target, ...declared }: SubscriptionDeclaration,
): Failure | null {
  if (existing === null || !('url' in target)) return null;
  const { target: before } = existing.config;
  if ('url' in before && new URL(before.url).origin === new URL(target.url).origin) return null;
  const kept = (['authorization', 'oauth'] as const).find(
    (field) => declared[field] === undefined && (existing[field] ?? null) !== null,
  );
  if (kept === undefined) return null;
  return failure(
    'invalid_field',
    `body ${kept}: it was given for another server than that of the target; send it again, or null`,
  );
}

/** @param reason null: it is resumed, which closes its breaker */
export function pauseSubscription(
  existing: SubscriptionDefinition,
  reason: PauseReason | null,
  nextVersion: number,
): SubscriptionDefinition {
  if (reason !== null && existing.pauseReason === reason) return existing;
  const resumes = existing.resumes + (reason === null ? 1 : 0);
  return { ...existing, version: nextVersion, pauseReason: reason, resumes };
}

/** Returns what the queue keeps of a subscription. */
export function queueSubscriptionOf({ name, id, config }: SubscriptionDefinition): QueueSubscription {
  const { reply_timeout_ms: timeoutMs, batch_wait_ms: waitMs } = config;
  const window = pushWindow({ ...config, batch_messages: batchMax(config) }, null);
  return { name, id, window, leaseMs: Math.min(timeoutMs + waitMs + LEASE_MARGIN_MS, PUSH_LEASE_MS_MAX) };
}

/** Returns what a topic keeps of a subscription. */
export function topicSubscriptionOf({ name, id }: SubscriptionDefinition): TopicSubscription {
  return { name, id };
}

/** Returns what a subscription keeps of its topic. */
export function sourceTopicOf({ namespace, name, id, version, config }: TopicDefinition): SourceTopic {
  const { jurisdiction, location_hint, partitions } = config;
  return { namespace, name, id, version, config: { jurisdiction, location_hint, partitions } };
}

/**
 * Returns the queue or topic with or without a subscription; the same object if that makes no difference.
 * @param subscription null: it takes no messages from there
 */
export function withSubscription<Subscription extends TopicSubscription, Source extends Fed<Subscription>>(
  source: Source,
  name: string,
  subscription: Subscription | null,
  nextVersion: number,
): Source {
  const before = source.subscriptions ?? [];
  const others = before.filter((other) => other.name !== name);
  const after = subscription === null ? others : [...others, subscription];
  after.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (JSON.stringify(after) === JSON.stringify(before)) return source;
  return { ...source, version: nextVersion, subscriptions: after };
}

export function isWorkerTarget(target: SubscriptionTarget): target is WorkerTarget {
  return 'worker' in target;
}

export function isStoreTarget(target: SubscriptionTarget): target is StoreTarget {
  return 'queue' in target || 'topic' in target;
}

/** Returns whether one message that fails holds up all others of its partition. */
export function isInOrder({ source, target }: SubscriptionConfig): boolean {
  return 'topic' in source && (source.order === 'partition' || isStoreTarget(target));
}

/** Messages that are stored in a queue or topic with one call, whatever is asked for. */
const STORED_AT_ONCE = 100;

/** Returns how many messages a request may have. */
export function batchMax({ format, batch_messages: max, target }: SubscriptionConfig): number {
  if (isStoreTarget(target)) return Math.max(max, STORED_AT_ONCE);
  return isWorkerTarget(target) || BATCH_FORMATS.includes(format) ? max : 1;
}

/** Returns the consumer id under which a subscription takes messages. */
export function consumerOfSubscription({ name, id }: Pick<QueueSubscription, 'name' | 'id'>): string {
  return `subscription:${name}#${id}`;
}

/** Returns the name of a subscription's object. */
export function subscriptionObjectName({
  namespace,
  name,
  id,
}: Pick<SubscriptionDefinition, 'namespace' | 'name' | 'id'>): string {
  return `${namespace}/${name}#${id}`;
}

function isSame(a: SubscriptionDefinition, b: SubscriptionDefinition): boolean {
  return JSON.stringify({ ...a, version: 0 }) === JSON.stringify({ ...b, version: 0 });
}
