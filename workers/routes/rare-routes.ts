/**
 * Rare routes: calls whose modules are loaded when one of them is first called. An isolate evaluates only the modules of the calls
 * that it serves, and most isolates serve few. Their paths and rights are bound at once, so that a call is refused without its module.
 */

import type { Handler, Hono } from 'hono';
import { calls, type Call, type CallId } from '../../protocol/operations/calls.ts';
import type { AppEnv } from '../http/context.ts';
import { bind, pathOf } from './bind.ts';

type Routes = (app: Hono<AppEnv>) => void;
type Handlers = ReadonlyMap<string, Handler<AppEnv>>;

const RARE: readonly (readonly [readonly CallId[], () => Promise<Routes>])[] = [
  [
    ['listTopics', 'declareTopic', 'getTopic', 'changeTopic', 'deleteTopic'],
    async () => (await import('./topics.ts')).topicRoutes,
  ],
  [
    ['describePartition', 'listProducers', 'deleteRecords'],
    async () => (await import('./partitions.ts')).partitionRoutes,
  ],
  [['makeProducer'], async () => (await import('./producers.ts')).producerRoutes],
  [
    [
      'listTransactions',
      'getTransaction',
      'addPartitions',
      'addOffsets',
      'publishInTransaction',
      'commitTransaction',
      'abortTransaction',
    ],
    async () => (await import('./transactions.ts')).transactionRoutes,
  ],
  [['classicGroup'], async () => (await import('./classic-groups.ts')).classicGroupRoutes],
  [['consumerMember'], async () => (await import('./consumer-members.ts')).consumerMemberRoutes],
  [
    ['listGroups', 'joinGroup', 'heartbeat', 'leaveGroup', 'describeGroup', 'deleteGroup'],
    async () => (await import('./groups.ts')).groupRoutes,
  ],
  [
    ['fetchForMember', 'fetchFromPositions'],
    async () => (await import('./group-records.ts')).groupRecordRoutes,
  ],
  [
    ['commitOffsets', 'readOffsets', 'resetOffsets'],
    async () => (await import('./group-offsets.ts')).groupOffsetRoutes,
  ],
  [
    [
      'listShareGroups',
      'putShareGroup',
      'describeShareGroup',
      'resetShareGroup',
      'deleteShareGroup',
      'acquireRecords',
      'acknowledgeRecords',
    ],
    async () => (await import('./share-groups.ts')).shareGroupRoutes,
  ],
  [
    ['listExchanges', 'declareExchange', 'getExchange', 'deleteExchange'],
    async () => (await import('./exchanges.ts')).exchangeRoutes,
  ],
  [
    ['bind', 'bindMany', 'listExchangeBindings', 'listQueueBindings', 'listTopicBindings', 'unbind'],
    async () => (await import('./bindings.ts')).bindingRoutes,
  ],
  [['request'], async () => (await import('./requests.ts')).requestRoutes],
  [['sendEvents'], async () => (await import('./events.ts')).eventRoutes],
  [['ingestDebezium'], async () => (await import('./ingest.ts')).ingestRoutes],
  [
    ['listPolicies', 'putPolicy', 'getPolicy', 'deletePolicy'],
    async () => (await import('./policies.ts')).policyRoutes,
  ],
  [
    ['listAlerts', 'putAlert', 'getAlert', 'deleteAlert'],
    async () => (await import('./alerts.ts')).alertRoutes,
  ],
  [['routeMessage'], async () => (await import('./route-message.ts')).routeMessageRoutes],
  [
    [
      'listSchedules',
      'putSchedule',
      'getSchedule',
      'deleteSchedule',
      'pauseSchedule',
      'resumeSchedule',
      'triggerSchedule',
    ],
    async () => (await import('./schedules.ts')).scheduleRoutes,
  ],
  [
    [
      'listSubscriptions',
      'putSubscription',
      'getSubscription',
      'deleteSubscription',
      'pauseSubscription',
      'resumeSubscription',
      'testSubscription',
      'seekSubscription',
      'listAttempts',
    ],
    async () => (await import('./subscriptions.ts')).subscriptionRoutes,
  ],
  [
    ['listHooks', 'putHook', 'getHook', 'deleteHook', 'receiveHook'],
    async () => (await import('./hooks.ts')).hookRoutes,
  ],
  [['getLimits', 'putLimits'], async () => (await import('./limits.ts')).limitRoutes],
  [['getDefinitions', 'putDefinitions'], async () => (await import('./definitions.ts')).definitionRoutes],
  [
    ['listObjects', 'putObject', 'getObject', 'deleteObject'],
    async () => (await import('./objects.ts')).objectRoutes,
  ],
  [
    ['beginUpload', 'putPart', 'completeUpload', 'abortUpload'],
    async () => (await import('./uploads.ts')).uploadRoutes,
  ],
  [['getOverview', 'followOverview'], async () => (await import('./overview.ts')).overviewRoutes],
  [
    [
      'listQueues',
      'declareQueue',
      'getQueue',
      'changeQueue',
      'deleteQueue',
      'purgeQueue',
      'pauseQueue',
      'resumeQueue',
    ],
    async () => (await import('./queues.ts')).queueRoutes,
  ],
  [
    ['listMessages', 'getMessage', 'cancelMessage', 'runMessage'],
    async () => (await import('./held-messages.ts')).heldMessageRoutes,
  ],
  [
    ['moveMessages', 'listMoves', 'getMove', 'cancelMove'],
    async () => (await import('./moves.ts')).moveRoutes,
  ],
  [
    [
      'listDeadLetters',
      'purgeDeadLetters',
      'exportDeadLetters',
      'replayDeadLetters',
      'listReplays',
      'getReplay',
      'cancelReplay',
      'getDeadLetter',
      'resendDeadLetter',
    ],
    async () => (await import('./dead-letters.ts')).deadLetterRoutes,
  ],
  [
    ['listNamespaces', 'putNamespace', 'changeNamespace', 'deleteNamespace', 'getNamespace'],
    async () => (await import('./namespaces.ts')).namespaceRoutes,
  ],
  [
    ['listTokens', 'makeToken', 'getToken', 'rotateToken', 'revokeToken'],
    async () => (await import('./tokens.ts')).tokenRoutes,
  ],
  [['logInByScram'], async () => (await import('./logins.ts')).loginRoutes],
];

export function rareRoutes(app: Hono<AppEnv>): void {
  for (const [ids, load] of RARE) {
    let handlers: Handlers | undefined; // no promise: a request waits for nothing that another has begun
    for (const id of ids) {
      const call = calls[id];
      bind(app, call, async (c, next) => {
        handlers ??= handlersOf(app, await load());
        return await handlers.get(keyOf(call))!(c, next);
      });
    }
  }
}

/** Returns the handlers that a module binds. What it else uses of the app is the app's. */
function handlersOf(app: Hono<AppEnv>, routes: Routes): Handlers {
  const handlers = new Map<string, Handler<AppEnv>>();
  const on = (method: string, path: string, _authorized: unknown, handler: Handler<AppEnv>): void =>
    void handlers.set(`${method} ${path}`, handler);
  routes(Object.create(app, { on: { value: on } }) as Hono<AppEnv>);
  return handlers;
}

const keyOf = (call: Call): string => `${call.method.toUpperCase()} ${pathOf(call)}`;
