/**
 * The entry of the worker as it is deployed: that of `index.ts`, with objects whose code is loaded when an isolate first holds one of
 * their class. An isolate that only routes begins without all of it.
 */

import { loadedLater } from '../durable-objects/runtime/loaded-later.ts';

export { default } from './handler.ts';

export const Directory = loadedLater(
  async () => (await import('../durable-objects/directory/directory.ts')).Directory,
);
export const Group = loadedLater(async () => (await import('../durable-objects/group/group.ts')).Group);
export const Overview = loadedLater(
  async () => (await import('../durable-objects/overview/overview.ts')).Overview,
);
export const Partition = loadedLater(
  async () => (await import('../durable-objects/partition/partition.ts')).Partition,
);
export const Queue = loadedLater(async () => (await import('../durable-objects/queue/queue.ts')).Queue);
export const ReplyMailbox = loadedLater(
  async () => (await import('../durable-objects/reply/reply-mailbox.ts')).ReplyMailbox,
);
export const Schedule = loadedLater(
  async () => (await import('../durable-objects/schedule/schedule.ts')).Schedule,
);
export const Subscription = loadedLater(
  async () => (await import('../durable-objects/subscription/subscription.ts')).Subscription,
);
export const Topology = loadedLater(
  async () => (await import('../durable-objects/topology/topology.ts')).Topology,
);
export const TopologyFollower = loadedLater(
  async () => (await import('../durable-objects/topology-follower/topology-follower.ts')).TopologyFollower,
);
export const Transaction = loadedLater(
  async () => (await import('../durable-objects/transaction/transaction.ts')).Transaction,
);
