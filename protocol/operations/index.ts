/**
 * Every call of the HTTP API: path, parameters, replies, and likely errors. The router binds a handler to each call,
 * and the OpenAPI document is generated from them.
 */

import { alertOperations } from './alerts.ts';
import { limitOperations } from './limits.ts';
import { routeOperations } from './routes.ts';
import { scheduleOperations } from './schedules.ts';
import { subscriptionOperations } from './subscriptions.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { definitionOperations } from './definitions.ts';
import { eventOperations } from './events.ts';
import { exchangeOperations } from './exchanges.ts';
import { hookOperations } from './hooks.ts';
import { ingestOperations } from './ingest.ts';
import { objectOperations } from './objects.ts';
import { overviewOperations } from './overview.ts';
import { producerOperations } from './producers.ts';
import { groupOperations } from './groups.ts';
import { shareGroupOperations } from './share-groups.ts';
import { queueOperations } from './queues.ts';
import { moveOperations } from './moves.ts';
import { queueMessageOperations } from './queue-messages.ts';
import { requestOperations } from './requests.ts';
import { namespaceOperations } from './namespaces.ts';
import { tokenOperations } from './tokens.ts';
import { topicOperations } from './topics.ts';

export { textOfRule, type AccessRule } from './access-rule.ts';
export { PATH_PARAMETERS, type Operation, type PathParameter, type Reply } from './operation.ts';

export const operations = {
  ...topicOperations,
  ...exchangeOperations,
  ...routeOperations,
  ...requestOperations,
  ...eventOperations,
  ...ingestOperations,
  ...queueOperations,
  ...queueMessageOperations,
  ...moveOperations,
  ...alertOperations,
  ...scheduleOperations,
  ...subscriptionOperations,
  ...hookOperations,
  ...objectOperations,
  ...limitOperations,
  ...definitionOperations,
  ...overviewOperations,
  ...producerOperations,
  ...groupOperations,
  ...shareGroupOperations,
  ...deadLetterOperations,
  ...namespaceOperations,
  ...tokenOperations,
};
