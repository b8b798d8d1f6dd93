/**
 * AMQP over WebSocket in a Worker of one's own: there is none. wrangler bundles such a Worker as one module, of which every isolate would
 * read all that an AMQP session needs.
 */

import { failure } from '../../protocol/errors.ts';
import type { AppContext } from '../../workers/http/context.ts';
import { problem } from '../../workers/http/problem.ts';

export const acceptAmqp = (c: AppContext): Response =>
  problem(
    c,
    failure('route_not_found', 'posthorn/worker has no AMQP; `posthorn deploy` deploys one that has'),
  );
