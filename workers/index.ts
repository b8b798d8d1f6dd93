/** The entry of the worker: what it does with requests, and the classes of the Durable Objects. */

export { default } from './handler.ts';

export { Directory } from '../durable-objects/directory/directory.ts';
export { Group } from '../durable-objects/group/group.ts';
export { Overview } from '../durable-objects/overview/overview.ts';
export { Partition } from '../durable-objects/partition/partition.ts';
export { Queue } from '../durable-objects/queue/queue.ts';
export { ReplyMailbox } from '../durable-objects/reply/reply-mailbox.ts';
export { Schedule } from '../durable-objects/schedule/schedule.ts';
export { Subscription } from '../durable-objects/subscription/subscription.ts';
export { Topology } from '../durable-objects/topology/topology.ts';
export { TopologyFollower } from '../durable-objects/topology-follower/topology-follower.ts';
export { Transaction } from '../durable-objects/transaction/transaction.ts';
