/** What the worker does with requests and with the cron trigger: the router, and the watchdog. */

import type { Env } from '../durable-objects/env.ts';
import { createApp } from './app.ts';
import { configureReplyBytes, followReply } from './bounds/reply-bytes.ts';
import { configureRequestBytes, releaseBody } from './bounds/request-bytes.ts';
import { noteContinent } from './cache/follower-feed.ts';
import { takeTurn } from './bounds/turns.ts';
import { visitDue } from './watchdog.ts';

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
