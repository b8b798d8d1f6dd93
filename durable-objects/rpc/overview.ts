/** Methods of the overview of a namespace that others call. */

import type { CeilingUse } from '../../core/overview/ceiling-problem.ts';
import type { SubscriptionReport } from '../../core/metrics/subscription-report.ts';
import type { RestingPlace } from '../../core/subscription/rest.ts';
import type { Forgotten, ObjectReport } from '../../core/overview/object-report.ts';

export interface OverviewMethods extends Rpc.DurableObjectBranded {
  /** Takes what an object tells of itself. One row. */
  report(report: ObjectReport): void;
  /** Takes how the pushes of a subscription go. One row. */
  reportSubscription(report: SubscriptionReport): void;
  /** Returns the ids of those of these subscriptions that are not known to be at rest. */
  restless(places: readonly RestingPlace[]): number[];
  /** Removes a subscription that was deleted. */
  forgetSubscription(name: string, id: number): void;
  /** Removes what was deleted. */
  forget(what: Forgotten): void;
  /** Takes how near the cost ceiling is; null: not near. One row, if that has changed. */
  noteCeiling(use: CeilingUse | null): void;
  /** Deletes everything and releases the storage, because the namespace is deleted, at this topology version. */
  erase(floor: number): Promise<void>;
  /** Returns an `Overview` as JSON. @param limit items of each list */
  overview(limit: number): string;
  /** Returns JSON: by name, a `QueueOverview` of each of these queues that has reported. */
  queues(names: readonly string[]): string;
  /** Returns JSON: `QueueOverview`s with `queue`, those with the most ready messages first. @param from the position of the first */
  fullestQueues(from: number, limit: number): string;
  /** Returns JSON: by name, the lag of each of these topics or groups that the overview knows; null: nobody reads the topic. */
  lags(kind: 'topics' | 'groups', names: readonly string[]): string;
  /** Returns a `MetricsSnapshot` as JSON. */
  metrics(): string;
  /** Bytes on disk of all queues and partitions of the namespace, as reported: at most ten seconds old. */
  storedBytes(): number;
}
