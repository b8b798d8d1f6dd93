/** The call that takes changes of databases in. */

import { CLOUD_EVENT_BATCH_TYPE, CLOUD_EVENT_TYPE } from '../headers/media-types.ts';
import { cloudEventBatchSchema, cloudEventSchema } from '../schemas/events.ts';
import { debeziumChangeSchema, debeziumQuerySchema, debeziumStoredSchema } from '../schemas/ingest.ts';
import { onSome } from './access-rule.ts';
import { NAMESPACE_PATH, type Operation } from './operation.ts';
import { topicOperations } from './topics.ts';

export const ingestOperations = {
  ingestDebezium: {
    id: 'ingestDebezium',
    method: 'post',
    path: `${NAMESPACE_PATH}/ingest/debezium`,
    tag: 'records',
    access: onSome('write', '`write` on each topic that gets a change, and `manage` on those that are made'),
    rate: 'publish',
    summary:
      'Store changes of databases as the HTTP sink of Debezium Server sends them: one or an array, as JSON or CloudEvents',
    query: debeziumQuerySchema,
    body: {
      json: debeziumChangeSchema,
      forms: { [CLOUD_EVENT_TYPE]: cloudEventSchema, [CLOUD_EVENT_BATCH_TYPE]: cloudEventBatchSchema },
    },
    replies: {
      200: { description: 'All changes are stored', json: debeziumStoredSchema },
    },
    errors: [
      ...new Set([...topicOperations.produce.errors, ...topicOperations.declareTopic.errors]),
      'invalid_event',
      'log_moved',
    ],
  },
} as const satisfies Record<string, Operation>;
