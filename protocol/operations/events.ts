/** The call that takes CloudEvents in. */

import type { ErrorCode } from '../errors.ts';
import { CLOUD_EVENT_BATCH_TYPE, CLOUD_EVENT_TYPE } from '../headers/media-types.ts';
import {
  cloudEventBatchSchema,
  cloudEventSchema,
  eventsQuerySchema,
  eventsStoredSchema,
} from '../schemas/events.ts';
import { onSome } from './access-rule.ts';
import { exchangeOperations } from './exchanges.ts';
import { NAMESPACE_PATH, type Operation } from './operation.ts';
import { queueOperations } from './queues.ts';
import { topicOperations } from './topics.ts';

const OF_TARGETS: readonly ErrorCode[] = [
  ...topicOperations.produce.errors,
  ...queueOperations.publishToQueue.errors,
  ...exchangeOperations.publish.errors,
];

export const eventOperations = {
  sendEvents: {
    id: 'sendEvents',
    method: 'post',
    path: `${NAMESPACE_PATH}/events`,
    tag: 'messages',
    access: onSome('write', '`write` on the topic, the queue or the exchange that the query names'),
    rate: 'publish',
    summary:
      'Store CloudEvents 1.0 in a topic or a queue, or route them by an exchange. One event in headers `ce-*` with its data as the body (binary), one as JSON (structured), or an array (batch)',
    query: eventsQuerySchema,
    body: {
      json: cloudEventSchema,
      forms: { [CLOUD_EVENT_TYPE]: cloudEventSchema, [CLOUD_EVENT_BATCH_TYPE]: cloudEventBatchSchema },
    },
    replies: {
      200: {
        description: 'Stored: what a produce or a publish of the target answers, one item for each event',
        json: eventsStoredSchema,
      },
    },
    errors: [...new Set(OF_TARGETS), 'invalid_event'],
  },
} as const satisfies Record<string, Operation>;
