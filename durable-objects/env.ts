/** Bindings and variables of the worker. Objects are typed by what may be called on them, not by their classes. */

import type { DirectoryMethods } from './rpc/directory.ts';
import type { OverviewMethods } from './rpc/overview.ts';
import type { PartitionMethods } from './rpc/partition.ts';
import type { QueueMethods } from './rpc/queue.ts';
import type { ReplyMailboxMethods } from './rpc/reply-mailbox.ts';
import type { ScheduleMethods } from './rpc/schedule.ts';
import type { SubscriptionMethods } from './rpc/subscription.ts';
import type { TopologyFollowerMethods } from './rpc/topology-follower.ts';
import type { TopologyMethods } from './rpc/topology.ts';
import type { TransactionMethods } from './rpc/transaction.ts';

export interface Env {
  DIRECTORY: DurableObjectNamespace<DirectoryMethods>;
  /** Groups are called by HTTP: `callGroup`. */
  GROUP: DurableObjectNamespace;
  OVERVIEW: DurableObjectNamespace<OverviewMethods>;
  PARTITION: DurableObjectNamespace<PartitionMethods>;
  QUEUE: DurableObjectNamespace<QueueMethods>;
  REPLY_MAILBOX: DurableObjectNamespace<ReplyMailboxMethods>;
  SCHEDULE: DurableObjectNamespace<ScheduleMethods>;
  SUBSCRIPTION: DurableObjectNamespace<SubscriptionMethods>;
  TOPOLOGY: DurableObjectNamespace<TopologyMethods>;
  TOPOLOGY_FOLLOWER: DurableObjectNamespace<TopologyFollowerMethods>;
  TRANSACTION: DurableObjectNamespace<TransactionMethods>;
  /**
   * The R2 bucket for large bodies and old records. Without it bodies are limited to the size of a message, and partitions to that of
   * an object. See docs/large-bodies.md and docs/endless-retention.md.
   */
  OBJECTS?: R2Bucket;
  // Workers that subscriptions push to are service bindings SUBSCRIBER_<NAME>: docs/push-to-workers.md.
  /** The files of the dashboard. A Worker of one's own may do without. */
  DASHBOARD?: Fetcher;
  /** The secret that allows everything, or two with a comma between them while it is changed. */
  POSTHORN_ROOT_TOKEN?: string;
  /** `loopback`: without a root token calls need no credential. A broker of one's own machine has it; never a deployed one. */
  POSTHORN_ANONYMOUS?: string;
  /** How old the bindings may be that a publish is routed by, in ms. Default 1000; 0: they are checked each time. */
  POSTHORN_ROUTING_MAX_AGE_MS?: string;
  /** Bytes of request bodies that one isolate holds at once. Default 33554432. */
  POSTHORN_BODY_BYTES_MAX?: string;
  /** Bytes of replies that one isolate holds at once. Default 67108864. */
  POSTHORN_REPLY_BYTES_MAX?: string;
  /** Bytes that a queue or partition may hold before it refuses more. Default 9500000000. */
  POSTHORN_OBJECT_BYTES_MAX?: string;
  /** The issuers whose JWTs are taken: JSON, or the value that it stands for. Default: none. See docs/jwt.md. */
  POSTHORN_JWT?: unknown;
  /** Origins whose pages may call the broker, with commas between them; `*`: any, with a token. Default: none. */
  POSTHORN_CORS_ORIGINS?: string;
  /** `public`, the default: webhooks go to public https addresses only. `any`: anywhere, for a broker of one's own machine. */
  POSTHORN_WEBHOOK_TARGETS?: string;
}
