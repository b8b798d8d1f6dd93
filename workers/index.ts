/** The entry of the worker: the router, the watchdog, and the classes of the Durable Objects. */

import type { Env } from '../durable-objects/env.ts';
import { createApp } from './app.ts';
import { configureReplyBytes, followReply } from './bounds/reply-bytes.ts';
import { configureRequestBytes, releaseBody } from './bounds/request-bytes.ts';
import { noteContinent } from './cache/follower-feed.ts';
import { takeTurn } from './bounds/turns.ts';
import { visitDue } from './watchdog.ts';

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

const app = createApp();

export default {
  fetch: async (request: Request, env, ctx) => {
    configureRequestBytes(env.POSTHORN_BODY_BYTES_MAX);
    configureReplyBytes(env.POSTHORN_REPLY_BYTES_MAX);
    noteContinent(request.cf);
    await takeTurn(ctx);
    try {
      return followReply(request, await app.fetch(request, env, ctx), ctx);
    } finally {
      releaseBody(request);
    }
  },
  scheduled: async (controller, env) => {
    await visitDue(env, controller.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
