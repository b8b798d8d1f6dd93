/** Families: what is told of each namespace, under which names. In shape they follow `rabbitmq_prometheus` and `kafka_exporter`. */

import { DEATH_REASONS } from '../../protocol/schemas/death-reasons.ts';
import { PROBLEM_KINDS, type OverviewCounters } from '../../protocol/schemas/overview.ts';
import type { Family, Labels, Sample } from './exposition.ts';
import type { SubscriptionReport } from './subscription-report.ts';
import type { LagMetrics, MetricsSnapshot, PartitionMetrics, QueueMetrics } from './snapshot.ts';

/** What the platform takes for a row written. */
const DOLLARS_A_ROW = 1 / 1_000_000;

type Values = Iterable<readonly [labels: Labels, value: number]>;

interface Kind {
  readonly name: string;
  readonly help: string;
  readonly values: (snapshot: MetricsSnapshot) => Values;
}

/** One sample of each queue. */
function ofQueues(value: (queue: QueueMetrics, atMs: number) => number): Kind['values'] {
  return ({ queues, atMs }) => queues.map((queue) => [{ queue: queue.queue }, value(queue, atMs)]);
}

function ofPartitions(value: (partition: PartitionMetrics) => number | null): Kind['values'] {
  return ({ partitions }) =>
    partitions.flatMap((each) => {
      const found = value(each);
      return found === null ? [] : [[{ topic: each.topic, partition: each.partition }, found] as const];
    });
}

function ofLags(value: (lag: LagMetrics) => number): Kind['values'] {
  return ({ lags }) =>
    lags.map((lag) => {
      const { kind, group, topic, partition } = lag;
      return [{ kind, group, topic, partition }, value(lag)];
    });
}

function ofSubscriptions(value: (subscription: SubscriptionReport) => number | null): Kind['values'] {
  return ({ subscriptions }) =>
    subscriptions.flatMap((each) => {
      const found = value(each);
      return found === null ? [] : [[{ subscription: each.subscription }, found] as const];
    });
}

const counted = (name: Exclude<keyof OverviewCounters, 'dead_letters'>): Kind['values'] =>
  ofQueues(({ counters }) => counters[name]);

const STATES = ['ready', 'leased', 'parked', 'outgoing'] as const;

const KINDS: readonly Kind[] = [
  {
    name: 'posthorn_queue_messages',
    help: 'Messages of a queue: ready, leased by consumers, parked until their time, or outgoing as dead letters',
    values: ({ queues }) =>
      queues.flatMap((queue) =>
        STATES.map((state) => [{ queue: queue.queue, state }, queue[state]] as const),
      ),
  },
  {
    name: 'posthorn_queue_message_bytes',
    help: 'Bytes of messages that are ready or leased',
    values: ofQueues(({ bytes }) => bytes),
  },
  {
    name: 'posthorn_queue_stored_bytes',
    help: 'Bytes that the object of a queue occupies on disk',
    values: ofQueues(({ storedBytes }) => storedBytes),
  },
  {
    name: 'posthorn_queue_oldest_seconds',
    help: 'Age of the oldest ready message; 0 if none is ready',
    values: ofQueues(({ oldestMs }, atMs) => (oldestMs === null ? 0 : Math.max(0, atMs - oldestMs) / 1_000)),
  },
  {
    name: 'posthorn_queue_consumers',
    help: 'Streams and waiting polls of a queue',
    values: ofQueues(({ consumers }) => consumers),
  },
  {
    name: 'posthorn_queue_paused',
    help: '1 if a queue is paused',
    values: ofQueues(({ paused }) => paused),
  },
  {
    name: 'posthorn_queue_full',
    help: '1 if a queue refuses messages, or drops the oldest for each new one',
    values: ofQueues(({ full }) => full),
  },
  {
    name: 'posthorn_messages_published_total',
    help: 'Messages that a queue took',
    values: counted('published'),
  },
  {
    name: 'posthorn_messages_delivered_total',
    help: 'Messages that consumers were given',
    values: counted('delivered'),
  },
  {
    name: 'posthorn_messages_acked_total',
    help: 'Messages that were acknowledged',
    values: counted('acked'),
  },
  {
    name: 'posthorn_messages_expired_total',
    help: 'Messages that expired and were not dead-lettered',
    values: counted('expired'),
  },
  {
    name: 'posthorn_messages_dropped_total',
    help: 'Messages that were dropped, purged or rejected, and not dead-lettered',
    values: counted('dropped'),
  },
  {
    name: 'posthorn_messages_replayed_total',
    help: 'Dead letters that a replay moved',
    values: counted('replayed'),
  },
  {
    name: 'posthorn_dead_letters_total',
    help: 'Messages of a queue that were dead-lettered',
    values: ({ queues }) =>
      queues.flatMap(({ queue, counters }) =>
        DEATH_REASONS.map((reason) => [{ queue, reason }, counters.dead_letters[reason]] as const),
      ),
  },
  {
    name: 'posthorn_partition_high_watermark',
    help: 'The offset that the next record gets',
    values: ofPartitions(({ highWatermark }) => highWatermark),
  },
  {
    name: 'posthorn_partition_log_start_offset',
    help: 'The first offset that can be read',
    values: ofPartitions(({ logStartOffset }) => logStartOffset),
  },
  {
    name: 'posthorn_partition_size_bytes',
    help: 'Bytes of record batches',
    values: ofPartitions(({ sizeBytes }) => sizeBytes),
  },
  {
    name: 'posthorn_partition_stored_bytes',
    help: 'Bytes that the object of a partition occupies on disk',
    values: ofPartitions(({ storedBytes }) => storedBytes),
  },
  {
    name: 'posthorn_partition_damaged_batches',
    help: 'Stored batches that were found damaged',
    values: ofPartitions(({ damaged }) => damaged),
  },
  {
    name: 'posthorn_records_produced_total',
    help: 'Records that a partition took, with the markers of transactions',
    values: ofPartitions(({ records }) => records),
  },
  {
    name: 'posthorn_group_lag',
    help: 'Records that a group has yet to handle',
    values: ofLags(({ lag }) => lag),
  },
  {
    name: 'posthorn_group_lag_seconds',
    help: 'Since when the first record that a group has yet to handle waits, roughly',
    values: ofLags(({ lagMs }) => lagMs / 1_000),
  },
  {
    name: 'posthorn_subscription_pushed_total',
    help: 'Messages that the target of a subscription accepted',
    values: ofSubscriptions(({ pushed }) => pushed),
  },
  {
    name: 'posthorn_subscription_failed_total',
    help: 'Messages whose request failed',
    values: ofSubscriptions(({ failed }) => failed),
  },
  {
    name: 'posthorn_subscription_filtered_total',
    help: 'Messages that the filter of a subscription has passed over',
    values: ofSubscriptions(({ filtered }) => filtered),
  },
  {
    name: 'posthorn_subscription_held',
    help: 'Messages that a subscription has taken and not settled',
    values: ofSubscriptions(({ held }) => held),
  },
  {
    name: 'posthorn_subscription_requests',
    help: 'Requests that wait for their reply',
    values: ofSubscriptions(({ inFlight }) => inFlight),
  },
  {
    name: 'posthorn_subscription_breaker_open',
    help: '1 if a subscription waits for its target, which has failed again and again',
    values: ofSubscriptions(({ open }) => open),
  },
  {
    name: 'posthorn_subscription_paused',
    help: '1 if a subscription is paused',
    values: ofSubscriptions(({ paused }) => paused),
  },
  {
    name: 'posthorn_subscription_lag',
    help: 'Records of its topic that a subscription has yet to settle',
    values: ofSubscriptions(({ lag }) => lag),
  },
  {
    name: 'posthorn_subscription_dead_letters_waiting',
    help: 'Dead letters of a subscription that their queue does not have yet',
    values: ofSubscriptions(({ deadLettersWaiting }) => deadLettersWaiting),
  },
  {
    name: 'posthorn_objects',
    help: 'Queues and partitions that have reported',
    values: ({ objects }) => byObject(objects),
  },
  {
    name: 'posthorn_rows_written_total',
    help: 'Rows written by queues and partitions, which the platform bills',
    values: ({ rows }) => byObject(rows),
  },
  {
    name: 'posthorn_cost_dollars_total',
    help: 'What rows written by queues and partitions cost, at $1.00 per million',
    values: ({ rows }) => [[{}, (rows.queue + rows.partition) * DOLLARS_A_ROW]],
  },
  {
    name: 'posthorn_problems',
    help: 'What somebody should look at, as in the overview',
    values: ({ problems }) => PROBLEM_KINDS.map((problem) => [{ problem }, problems[problem] ?? 0]),
  },
];

const BUILD_INFO = 'posthorn_build_info';

export const METRIC_NAMES: readonly string[] = [BUILD_INFO, ...KINDS.map(({ name }) => name)];

/** @param snapshots by namespace */
export function familiesOf(
  snapshots: readonly (readonly [namespace: string, snapshot: MetricsSnapshot])[],
  version: string,
): Family[] {
  const build: Family = {
    name: BUILD_INFO,
    type: 'gauge',
    help: 'The version of the broker',
    samples: [{ labels: { version }, value: 1 }],
  };
  const families = KINDS.map(({ name, help, values }): Family => {
    const samples: Sample[] = [];
    for (const [namespace, snapshot] of snapshots)
      for (const [labels, value] of values(snapshot))
        samples.push({ labels: { namespace, ...labels }, value });
    return { name, type: name.endsWith('_total') ? 'counter' : 'gauge', help, samples };
  });
  return [build, ...families];
}

function byObject(of: { readonly queue: number; readonly partition: number }): Values {
  return [
    [{ object: 'queue' }, of.queue],
    [{ object: 'partition' }, of.partition],
  ];
}
