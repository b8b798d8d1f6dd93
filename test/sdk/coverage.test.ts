/** What of the API the SDK reaches: every operation, each by a method that is there. */

import { describe, expect, it } from 'vitest';
import { operations } from '../../protocol/operations/index.ts';
import { Posthorn } from '../../sdk/index.ts';
import { brokerForTests } from './harness.ts';

/** Debezium Server, senders of webhooks and gateways call these, or people by the command, and no program that has the SDK needs them. */
const FOR_OTHERS = [
  ...(['ingestDebezium', 'receiveHook', 'logInByScram'] as const),
  ...(['listTransactions', 'listProducers'] as const),
];

/** By operation: the method of the client, or the object that makes the call while it works. */
const REACHED_BY: Record<Exclude<keyof typeof operations, (typeof FOR_OTHERS)[number]>, string> = {
  listTopics: 'topics.list',
  declareTopic: 'topics.declare',
  getTopic: 'topics.get',
  changeTopic: 'topics.change',
  deleteTopic: 'topics.delete',
  produce: 'producer',
  openProduces: 'producer',
  fetch: 'reader',
  describePartition: 'topics.describePartition',
  deleteRecords: 'topics.deleteRecords',
  listExchanges: 'exchanges.list',
  declareExchange: 'exchanges.declare',
  getExchange: 'exchanges.get',
  deleteExchange: 'exchanges.delete',
  bind: 'exchanges.bind',
  bindMany: 'exchanges.bindMany',
  listExchangeBindings: 'exchanges.bindings',
  listQueueBindings: 'exchanges.bindings',
  listTopicBindings: 'exchanges.bindings',
  unbind: 'exchanges.unbind',
  publish: 'publisher',
  sendEvents: 'events.send',
  openExchangePublishes: 'publisher',
  routeMessage: 'exchanges.route',
  request: 'request',
  listPolicies: 'policies.list',
  putPolicy: 'policies.put',
  getPolicy: 'policies.get',
  deletePolicy: 'policies.delete',
  listQueues: 'queues.list',
  declareQueue: 'queues.declare',
  getQueue: 'queues.get',
  changeQueue: 'queues.change',
  deleteQueue: 'queues.delete',
  publishToQueue: 'publisher',
  peekQueue: 'queues.peek',
  deliver: 'consumer',
  endWaits: 'consumer',
  settle: 'consumer',
  streamQueue: 'consumer',
  openQueuePublishes: 'publisher',
  purgeQueue: 'queues.purge',
  listMessages: 'queueMessages.list',
  getMessage: 'queueMessages.get',
  cancelMessage: 'queueMessages.cancel',
  runMessage: 'queueMessages.runNow',
  moveMessages: 'queueMessages.move',
  listMoves: 'queueMessages.moves',
  getMove: 'queueMessages.move',
  cancelMove: 'queueMessages.cancelMove',
  pauseQueue: 'queues.pause',
  resumeQueue: 'queues.resume',
  listAlerts: 'alerts.list',
  putAlert: 'alerts.put',
  getAlert: 'alerts.get',
  deleteAlert: 'alerts.delete',
  listSchedules: 'schedules.list',
  putSchedule: 'schedules.put',
  getSchedule: 'schedules.get',
  deleteSchedule: 'schedules.delete',
  pauseSchedule: 'schedules.pause',
  resumeSchedule: 'schedules.resume',
  triggerSchedule: 'schedules.trigger',
  listSubscriptions: 'subscriptions.list',
  putSubscription: 'subscriptions.put',
  getSubscription: 'subscriptions.get',
  deleteSubscription: 'subscriptions.delete',
  pauseSubscription: 'subscriptions.pause',
  resumeSubscription: 'subscriptions.resume',
  seekSubscription: 'subscriptions.seek',
  testSubscription: 'subscriptions.test',
  listAttempts: 'subscriptions.attempts',
  listHooks: 'hooks.list',
  putHook: 'hooks.put',
  getHook: 'hooks.get',
  deleteHook: 'hooks.delete',
  listObjects: 'objects.list',
  putObject: 'objects.put',
  getObject: 'objects.get',
  deleteObject: 'objects.delete',
  beginUpload: 'objects.put',
  putPart: 'objects.put',
  completeUpload: 'objects.put',
  abortUpload: 'objects.put',
  getOverview: 'overview.get',
  followOverview: 'overview.follow',
  getDefinitions: 'definitions.export',
  putDefinitions: 'definitions.apply',
  getLimits: 'limits.get',
  putLimits: 'limits.set',
  makeProducer: 'producer',
  getTransaction: 'transactionalProducer',
  addPartitions: 'transactionalProducer',
  addOffsets: 'transactionalProducer',
  publishInTransaction: 'transactionalProducer',
  commitTransaction: 'transactionalProducer',
  abortTransaction: 'transactionalProducer',
  listGroups: 'groups.list',
  describeGroup: 'groups.describe',
  deleteGroup: 'groups.delete',
  joinGroup: 'consumer',
  heartbeat: 'consumer',
  leaveGroup: 'groups.removeMember',
  fetchForMember: 'consumer',
  fetchFromPositions: 'consumer',
  classicGroup: 'groups.classic',
  consumerMember: 'groups.member',
  commitOffsets: 'consumer',
  readOffsets: 'groups.offsets',
  resetOffsets: 'groups.reset',
  listShareGroups: 'shareGroups.list',
  putShareGroup: 'shareGroups.put',
  describeShareGroup: 'shareGroups.describe',
  deleteShareGroup: 'shareGroups.delete',
  resetShareGroup: 'shareGroups.reset',
  acquireRecords: 'shareGroups.acquire',
  acknowledgeRecords: 'shareGroups.acknowledge',
  listDeadLetters: 'deadLetters.list',
  purgeDeadLetters: 'deadLetters.purge',
  exportDeadLetters: 'deadLetters.export',
  replayDeadLetters: 'deadLetters.replay',
  listReplays: 'deadLetters.replays',
  getReplay: 'deadLetters.replay',
  cancelReplay: 'deadLetters.cancel',
  getDeadLetter: 'deadLetters.get',
  resendDeadLetter: 'deadLetters.resend',
  listNamespaces: 'namespaces.list',
  putNamespace: 'namespaces.put',
  changeNamespace: 'namespaces.change',
  deleteNamespace: 'namespaces.delete',
  getNamespace: 'namespaces.get',
  listTokens: 'tokens.list',
  makeToken: 'tokens.make',
  getToken: 'tokens.get',
  rotateToken: 'tokens.rotate',
  revokeToken: 'tokens.revoke',
};

it('reaches every operation by a method that is there', () => {
  expect([...Object.keys(REACHED_BY), ...FOR_OTHERS].sort()).toEqual(Object.keys(operations).sort());
  const posthorn = new Posthorn({ url: 'http://127.0.0.1:9' });
  const missing = Object.values(REACHED_BY).filter((path) => {
    const method = path
      .split('.')
      .reduce<unknown>((object, name) => (object as Record<string, unknown> | undefined)?.[name], posthorn);
    return typeof method !== 'function';
  });
  expect(missing).toEqual([]);
});

describe('share groups, limits, tokens and namespaces', () => {
  const broker = brokerForTests({ own: 'its limits and namespaces are its own' });

  it('lock records, and tell what became of each', async () => {
    const client = broker.client();
    const { shareGroups } = client;
    const producer = client.producer();
    const topic = await broker.topic();
    await producer.send(topic, { key: 'k', value: { some_name: 1 }, headers: { a_b: '1' } });
    await producer.send(topic, { value: 2 });
    await producer.close();
    expect(await shareGroups.put('sharers', { topics: [topic], deliveryLimit: 2 })).toMatchObject({
      shareGroup: 'sharers',
      deliveryLimit: 2,
      deadLetter: { queue: 'sharers.dlq' },
    });
    const records = await shareGroups.acquire('sharers', 'one');
    expect(records).toMatchObject([
      { topic, offset: 0, key: 'k', value: { some_name: 1 }, headers: { a_b: '1' }, deliveryCount: 1 },
      { topic, offset: 1, value: 2 },
    ]);
    const [first, second] = records.map((record) => record.acquisitionTag);
    expect(
      await shareGroups.acknowledge('sharers', {
        accept: [first!],
        extend: [{ tag: second!, lockDurationMs: 5000 }],
      }),
    ).toMatchObject([{ outcome: 'accepted' }, { outcome: 'extended' }]);
    expect((await shareGroups.describe('sharers')).partitions).toMatchObject([{ inFlight: 1, lag: 1 }]);
    expect(await shareGroups.list()).toMatchObject([{ shareGroup: 'sharers', topics: [topic] }]);
    await shareGroups.delete('sharers');
    await expect(shareGroups.describe('sharers')).rejects.toMatchObject({ code: 'share_group_not_found' });
  });

  it('set the ceiling of a namespace', async () => {
    const { limits } = broker.client();
    await limits.set({ rowsWrittenPerHour: 1_000_000 });
    expect(await limits.get()).toMatchObject({ rowsWrittenPerHour: 1_000_000, isExceeded: false });
    expect(await limits.set({ rowsWrittenPerHour: null })).toMatchObject({ rowsWrittenPerHour: null });
  });

  it('make namespaces and tokens for them', async () => {
    const { namespaces } = broker.client();
    await namespaces.put('shop', { quotas: { publishPerS: 100 } });
    expect(await namespaces.change('shop', { quotas: { queues: 5 } })).toMatchObject({
      quotas: { queues: 5 },
    });
    expect(await namespaces.get('shop')).toMatchObject({ state: 'active', use: { queues: 0 } });
    expect((await namespaces.list()).map(({ namespace }) => namespace)).toContain('shop');
    const { tokens } = broker.client({ namespace: 'shop' });
    const made = await tokens.make({
      name: 'till',
      roles: ['producer'],
      expiresAt: new Date(Date.now() + 60_000),
    });
    expect(made).toMatchObject({ namespace: 'shop', name: 'till', roles: ['producer'] });
    expect(made.token).toMatch(/^ph_/);
    expect((await tokens.rotate(made.id, { previousExpiresAt: 0 })).token).not.toBe(made.token);
    expect((await tokens.list()).map(({ id }) => id)).toEqual([made.id]);
    await tokens.revoke(made.id);
    expect((await tokens.get(made.id)).revokedAt).toBeTypeOf('number');
    await expect(namespaces.delete('shop', { confirm: 'shops' })).rejects.toMatchObject({
      code: 'not_confirmed',
    });
    expect(await namespaces.delete('shop', { confirm: 'shop' })).toMatchObject({ state: 'deleting' });
  });
});
