/** RPC between the router and the topology. */

import type { Destination } from '../../core/exchange/binding.ts';
import type { ExchangeDefinition } from '../../core/topology/exchanges.ts';
import type { AlertDefinition } from '../../core/topology/alerts.ts';
import type { PolicyDefinition } from '../../core/topology/policies.ts';
import type { QueueDeletion } from '../../core/topology/queue-deletion.ts';
import type { QueueDefinition } from '../../core/topology/queues.ts';
import type { ScheduleDefinition } from '../../core/topology/schedules.ts';
import type { ShareGroupDefinition } from '../../core/topology/share-groups.ts';
import type { TopicDefinition } from '../../core/topology/topics.ts';

export interface TopicAnswer {
  topic: TopicDefinition;
  topologyVersion: number;
}

export interface QueueAnswer {
  queue: QueueDefinition;
  topologyVersion: number;
}

export interface ExchangeAnswer {
  exchange: ExchangeDefinition;
  topologyVersion: number;
}

export interface PolicyAnswer {
  policy: PolicyDefinition;
  topologyVersion: number;
}

export interface AlertAnswer {
  alert: AlertDefinition;
  topologyVersion: number;
}

export interface ScheduleAnswer {
  schedule: ScheduleDefinition;
  topologyVersion: number;
}

export interface ShareGroupAnswer {
  group: ShareGroupDefinition;
  topologyVersion: number;
}

/** What a namespace may cost, and what it has cost in this hour. */
export interface CostStatus {
  rowsPerHour: number | null;
  rowsThisHour: number;
  resetsAtMs: number;
}

/** What an object is told that reports the rows which it has written. */
export interface CostReply {
  /** Publishes are refused until then; null: they are not. */
  closedUntilMs: number | null;
  /** Report again after so many rows. */
  step: number;
}

export interface BindingsAnswer {
  /** One for each declaration, in order. */
  ids: string[];
  created: number;
  topologyVersion: number;
}

export interface BindingList {
  /** Bindings as a JSON array, as everywhere here: one long text is received several times faster than many objects. */
  bindingsJson: string;
  /** There are more after this id. */
  next: string | null;
}

/** Which bindings: those from an exchange, or those to a destination. */
export type BindingsOf = { source: string } | { destination: Destination };

/** Where reading a snapshot goes on: after this binding. */
export type SnapshotPosition = { source: string; id: string };

export interface SnapshotPage {
  /** The version before the page was read. Changes after that of the first page have to be applied to the whole. */
  version: number;
  /** On the first page, else null. */
  names: { queues: string[]; topics: string[]; exchanges: ExchangeDefinition[] } | null;
  /** A JSON array. */
  bindingsJson: string;
  next: SnapshotPosition | null;
}

export interface ChangesSince {
  /** The changes after the version asked for, oldest first, each making the next version: a JSON array. */
  changesJson: string;
  count: number;
  /** There are more. */
  isPartial: boolean;
}

/** Which queue is deleted, and when. */
export interface QueueDeletionRequest extends QueueDeletion {
  /** Only the queue of this id: what an object asks that wants its own queue deleted. */
  id?: number;
}

/** What the watchdog visits. */
export interface Watched {
  topics: TopicDefinition[];
  queues: QueueDefinition[];
  schedules: ScheduleDefinition[];
  groups: string[];
  transactionalIds: string[];
}
