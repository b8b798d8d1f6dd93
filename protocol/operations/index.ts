/**
 * Every call of the HTTP API: path, parameters, replies, and likely errors. The router binds a handler to each call,
 * and the OpenAPI document is generated from them.
 */

import { alertOperations } from './alerts.ts';
import { limitOperations } from './limits.ts';
import { scheduleOperations } from './schedules.ts';
import { deadLetterOperations } from './dead-letters.ts';
import { exchangeOperations } from './exchanges.ts';
import { producerOperations } from './producers.ts';
import { groupOperations } from './groups.ts';
import { shareGroupOperations } from './share-groups.ts';
import { queueOperations } from './queues.ts';
import { requestOperations } from './requests.ts';
import { namespaceOperations } from './namespaces.ts';
import { tokenOperations } from './tokens.ts';
import { topicOperations } from './topics.ts';

export { textOfRule, type AccessRule } from './access-rule.ts';
export { PATH_PARAMETERS, type Operation, type PathParameter, type Reply } from './operation.ts';

export const operations = {
  ...topicOperations,
  ...exchangeOperations,
  ...requestOperations,
  ...queueOperations,
  ...alertOperations,
  ...scheduleOperations,
  ...limitOperations,
  ...producerOperations,
  ...groupOperations,
  ...shareGroupOperations,
  ...deadLetterOperations,
  ...namespaceOperations,
  ...tokenOperations,
};
