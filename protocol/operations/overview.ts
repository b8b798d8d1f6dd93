/** The calls that look at a whole namespace. */

import { EVENT_STREAM_TYPE } from '../headers/media-types.ts';
import { overviewQuerySchema, overviewSchema } from '../schemas/overview.ts';
import { onNamespace } from './access-rule.ts';
import { FIELD_ERRORS, NAMESPACE_ERRORS, NAMESPACE_PATH, type Operation } from './operation.ts';

export const overviewOperations = {
  getOverview: {
    id: 'getOverview',
    method: 'get',
    path: `${NAMESPACE_PATH}/overview`,
    tag: 'overview',
    access: onNamespace('view'),
    summary:
      'Read how the namespace does: problems first, then totals, rates over the last minute, and the largest queues, topics and groups, as objects have told within ten seconds; none is asked for it',
    query: overviewQuerySchema,
    replies: { 200: { description: 'The overview', json: overviewSchema } },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS],
  },
  followOverview: {
    id: 'followOverview',
    method: 'get',
    path: `${NAMESPACE_PATH}/overview/stream`,
    tag: 'overview',
    access: onNamespace('view'),
    summary:
      'Follow the overview: a request that accepts `text/event-stream` gets it as an event each time it changes, at most every two seconds; another request gets it once',
    query: overviewQuerySchema,
    replies: {
      200: {
        description: 'The overview',
        json: overviewSchema,
        frame: { type: EVENT_STREAM_TYPE, description: 'Events `overview`, each with the overview as JSON' },
      },
    },
    errors: [...NAMESPACE_ERRORS, ...FIELD_ERRORS, 'quota'],
  },
} as const satisfies Record<string, Operation>;
