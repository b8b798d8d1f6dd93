/** Definitions as one document over HTTP and by the SDK: export, plan, application, and who may do it. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { Definitions, DefinitionsApplied } from '../../../protocol/schemas/definitions.ts';
import { Posthorn, type DefinitionsDocument, type DefinitionStep } from '../../../sdk/index.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let spaces = 0;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

/** A client of a namespace of its own. */
async function space(): Promise<{ posthorn: Posthorn; namespace: string }> {
  const namespace = `space-${++spaces}`;
  await locked.namespace(namespace);
  return { namespace, posthorn: new Posthorn({ url: locked.broker.url, namespace, token: ROOT }) };
}

const textOf = (steps: readonly DefinitionStep[]): string[] =>
  steps.map(({ action, kind, name }) => `${action} ${kind} ${name}`);

/** One of each kind, the settings of which are no defaults. */
const EVERYTHING: DefinitionsDocument = {
  posthorn: 1,
  topics: [{ topic: 'orders', partitions: 3, retention_ms: null }],
  queues: [
    { queue: 'mails', lease_ms: 60_000 },
    { queue: 'mails.dlq', dead_letter: 'none' },
  ],
  exchanges: [
    { exchange: 'shop', type: 'topic', alternate_exchange: 'rest' },
    { exchange: 'rest', type: 'fanout' },
  ],
  bindings: [
    {
      source: 'shop',
      destination: { kind: 'queue', name: 'mails' },
      routing_key: 'order.*',
      arguments: { a: '1' },
    },
    { source: 'amq.topic', destination: { kind: 'exchange', name: 'shop' }, routing_key: '#', arguments: {} },
  ],
  policies: [{ policy: 'short', pattern: 'mails*', priority: 3, definition: { max_length: 100 } }],
  alerts: [
    {
      alert: 'deep',
      pattern: '*',
      metric: 'depth',
      threshold: 5,
      for_ms: 0,
      webhook: { url: 'https://example.com/alerts' },
    },
  ],
  schedules: [
    {
      schedule: 'nightly',
      cron: '@daily',
      time_zone: 'UTC',
      target: { exchange: 'shop', routing_key: 'mails' },
      message: { body: { total: 1.5 } },
      catch_up: 'once',
      ends_at: null,
    },
  ],
  subscriptions: [
    {
      subscription: 'hook',
      source: { queue: 'mails' },
      target: { url: 'https://example.com/hook' },
      format: 'json',
      batch_messages: 1,
      batch_wait_ms: 0,
      concurrency: 2,
      rate_per_s: null,
      reply_timeout_ms: 15_000,
      headers: { 'x-a': '1' },
    },
  ],
  hooks: [
    { hook: 'github', target: { queue: 'mails' }, scheme: 'github', tolerance_s: 300, headers: ['x-b'] },
  ],
  share_groups: [
    {
      share_group: 'sharers',
      topics: ['orders'],
      lock_duration_ms: 30_000,
      delivery_limit: 5,
      dead_letter: 'none',
      start: 'latest',
    },
  ],
};

describe('a document of definitions', () => {
  it('makes a namespace like another one, and is what is exported from there', async () => {
    const { posthorn } = await space();
    const { definitions } = posthorn;
    const plan = await definitions.plan(EVERYTHING);
    expect(textOf(plan.steps)).toEqual([
      'create topic orders',
      'create queue mails',
      'create queue mails.dlq',
      'create exchange shop',
      'create exchange rest',
      'create binding shop -> queue mails "order.*" {"a":"1"}',
      'create binding amq.topic -> exchange shop "#"',
      'create policy short',
      'create alert deep',
      'create schedule nightly',
      'create subscription hook',
      'create hook github',
      'create share_group sharers',
    ]);
    expect(await posthorn.queues.list()).toEqual([]); // a plan changes nothing
    expect(JSON.stringify(plan)).not.toContain('whsec_'); // a secret that nothing would have
    const applied = await definitions.apply(EVERYTHING, { ifVersion: plan.topologyVersion });
    expect(textOf(applied.steps)).toEqual(textOf(plan.steps));
    const secrets = applied.steps.filter(({ secret }) => secret?.startsWith('whsec_'));
    expect(textOf(secrets)).toEqual(['create alert deep', 'create subscription hook', 'create hook github']);

    const exported = await definitions.export();
    expect(exported).toMatchObject({
      ...EVERYTHING,
      topics: [{ topic: 'orders', partitions: 3, cleanup_policy: 'delete' }],
      exchanges: [{ exchange: 'rest' }, { exchange: 'shop', alternate_exchange: 'rest' }],
      bindings: expect.arrayContaining(EVERYTHING.bindings!) as Definitions['bindings'],
    });
    expect(exported.queues).toEqual(EVERYTHING.queues); // neither the policy's nor defaults
    expect(JSON.stringify(exported)).not.toContain('whsec_');
    expect(await definitions.plan(exported, { prune: true })).toMatchObject({ steps: [], unchanged: 13 });
    const other = await space();
    await other.posthorn.definitions.apply(exported);
    expect(await other.posthorn.definitions.export()).toEqual(exported);
    // Everything works at once: the queue has the policy, and the exchange routes.
    expect(await posthorn.queues.get('mails')).toMatchObject({ maxLength: 100, leaseMs: 60_000 });
    await using publisher = posthorn.publisher();
    await publisher.publish('shop', {
      routingKey: 'order.paid',
      body: 1,
      headers: { a: '1' },
      mandatory: true,
    });
  });

  it('returns what it leaves out to the defaults', async () => {
    const { posthorn } = await space();
    await posthorn.topics.declare('log', { retentionMs: 60_000 });
    await posthorn.queues.declare('jobs', { leaseMs: 5_000, maxLength: 10 });
    const document: DefinitionsDocument = {
      posthorn: 1,
      topics: [{ topic: 'log' }],
      queues: [{ queue: 'jobs', max_length: 20 }],
      policies: [{ policy: 'slow', pattern: 'jobs', definition: { lease_ms: 90_000 } }],
    };
    const { steps } = await posthorn.definitions.apply(document);
    expect(steps).toMatchObject([
      { action: 'change', kind: 'topic', fields: { retention_ms: { is: 60_000, wanted: 604_800_000 } } },
      {
        action: 'change',
        kind: 'queue',
        fields: { lease_ms: { is: 5_000 }, max_length: { is: 10, wanted: 20 } },
      },
      { action: 'create', kind: 'policy' },
    ]);
    expect(Object.keys(steps[1]!.fields!['lease_ms']!)).toEqual(['is']);
    // The lease is not the queue's own any more, so the policy sets it.
    expect(await posthorn.queues.get('jobs')).toMatchObject({ leaseMs: 90_000, maxLength: 20 });
    expect((await posthorn.definitions.plan(document)).steps).toEqual([]);
  });

  it('deletes with prune what it does not have, of the kinds that it has', async () => {
    const { posthorn } = await space();
    await posthorn.definitions.apply(EVERYTHING);
    await posthorn.queues.declare('old');
    await posthorn.queues.declare('kept.dlq');
    const document: DefinitionsDocument = {
      ...EVERYTHING,
      queues: [{ queue: 'mails' }, { queue: 'kept' }],
      exchanges: [{ exchange: 'shop', type: 'topic', auto_delete: false }],
      bindings: [],
      share_groups: [],
    };
    await expect(posthorn.definitions.apply(document, { prune: true })).rejects.toMatchObject({
      code: 'exchange_differs',
      details: { kind: 'exchange', name: 'shop' },
    });
    document.exchanges![0]!.alternate_exchange = 'rest';
    const { steps } = await posthorn.definitions.apply(document, { prune: true });
    expect(textOf(steps)).toEqual([
      'change queue mails',
      'create queue kept',
      'delete share_group sharers',
      expect.stringMatching(/^delete binding /),
      expect.stringMatching(/^delete binding /),
      'delete exchange rest',
      'delete queue old', // and no dead-letter queue of a queue that stays
    ]);
    expect((await posthorn.queues.list()).map(({ queue }) => queue)).toEqual([
      'kept',
      'kept.dlq',
      'mails',
      'mails.dlq',
    ]);
    expect(await posthorn.topics.list()).toHaveLength(2); // one is the audit's
    expect((await posthorn.definitions.plan(document, { prune: true })).steps).toEqual([]);
  });

  it('keeps an exchange that it has, also when prune takes the last binding of it', async () => {
    const { posthorn } = await space();
    const exchanges = [{ exchange: 'brief', auto_delete: true }];
    const bindings = [{ source: 'brief', destination: { kind: 'queue' as const, name: 'a' } }];
    await posthorn.definitions.apply({ posthorn: 1, queues: [{ queue: 'a' }], exchanges, bindings });
    await posthorn.definitions.apply({ posthorn: 1, exchanges, bindings: [] }, { prune: true });
    expect(await posthorn.exchanges.get('brief')).toMatchObject({ autoDelete: true });
    expect(await Array.fromAsync(posthorn.exchanges.bindings({ source: 'brief' }))).toEqual([]);
  });

  it('changes nothing if one of its steps is refused, and the plan says which', async () => {
    const { posthorn } = await space();
    await posthorn.topics.declare('log', { partitions: 4 });
    const document: DefinitionsDocument = {
      posthorn: 1,
      topics: [{ topic: 'new' }, { topic: 'log', partitions: 2 }],
      queues: [{ queue: 'new' }],
      policies: [{ policy: 'p', pattern: '*', definition: { max_length: 1 } }],
    };
    const before = await posthorn.definitions.export();
    expect(await posthorn.definitions.plan(document)).toMatchObject({
      problem: { kind: 'topic', name: 'log', code: 'partitions_cannot_shrink' },
    });
    await expect(posthorn.definitions.apply(document)).rejects.toMatchObject({
      code: 'partitions_cannot_shrink',
      message: expect.stringContaining('nothing is changed') as string,
      details: { kind: 'topic', name: 'log' },
    });
    for (const [more, code] of [
      [{ queues: [{ queue: 'x' }, { queue: 'x' }] }, 'invalid_field'],
      [{ queues: [{ queue: 'x', lease: 1 }] }, 'unknown_field'],
      [{ quues: [] }, 'unknown_field'],
      [{ posthorn: 2 }, 'invalid_field'],
      [
        { bindings: [{ source: 'amq.topic', destination: { kind: 'queue', name: 'none' } }] },
        'queue_not_found',
      ],
      [{ exchanges: [{ exchange: 'amq.topic', type: 'fanout' }] }, 'exchange_reserved'],
      [
        {
          subscriptions: [
            { subscription: 's', source: { queue: 'none' }, target: { url: 'https://a.example' } },
          ],
        },
        'queue_not_found',
      ],
    ] as const) {
      const wrong = { posthorn: 1, queues: [{ queue: 'new' }], ...more } as DefinitionsDocument;
      await expect(posthorn.definitions.apply(wrong), JSON.stringify(more)).rejects.toMatchObject({ code });
    }
    expect(await posthorn.definitions.export()).toEqual(before);
  });

  it('is refused if it needs what prune would delete', async () => {
    const { posthorn } = await space();
    await posthorn.queues.declare('a');
    const document: DefinitionsDocument = {
      posthorn: 1,
      queues: [],
      bindings: [{ source: 'amq.topic', destination: { kind: 'queue', name: 'a' } }],
    };
    await expect(posthorn.definitions.plan(document, { prune: true })).rejects.toMatchObject({
      code: 'invalid_field',
      message: expect.stringContaining('needs the queue a') as string,
    });
  });

  it('is not applied when something has changed since its plan', async () => {
    const { posthorn } = await space();
    const document: DefinitionsDocument = { posthorn: 1, queues: [{ queue: 'a' }] };
    const { topologyVersion: ifVersion } = await posthorn.definitions.plan(document, { prune: true });
    await posthorn.queues.declare('b');
    await expect(posthorn.definitions.apply(document, { prune: true, ifVersion })).rejects.toMatchObject({
      code: 'definitions_changed',
      status: 409,
    });
    expect((await posthorn.queues.list()).map(({ queue }) => queue)).toEqual(['b']);
  });

  it('counts towards the quotas of its namespace before its first step', async () => {
    const { posthorn, namespace } = await space();
    await locked.call('PATCH', `/admin/v1/namespaces/${namespace}`, { quotas: { queues: 2, partitions: 5 } });
    const queues = ['a', 'b', 'c'].map((queue) => ({ queue }));
    await expect(posthorn.definitions.apply({ posthorn: 1, queues })).rejects.toMatchObject({
      code: 'quota_exceeded',
      details: { kind: 'queue', name: 'a' },
    });
    const topics = [{ topic: 't', partitions: 6 }];
    expect(await posthorn.definitions.plan({ posthorn: 1, topics })).toMatchObject({
      problem: { kind: 'topic', name: 't', code: 'quota_exceeded' },
    });
    await posthorn.definitions.apply({
      posthorn: 1,
      queues: queues.slice(1),
      topics: [{ topic: 't', partitions: 5 }],
    });
    expect(await posthorn.queues.list()).toHaveLength(2);
  });

  it('keeps numbers of messages as they were written', async () => {
    const { namespace } = await space();
    const body = '{"n":12345678901234567890,"m":1.0}';
    const document = `{"posthorn":1,"queues":[{"queue":"q"}],"schedules":[{"schedule":"s","cron":"@daily","target":{"queue":"q"},"message":{"body":${body}}}]}`;
    const put = (): Promise<Response> =>
      fetch(`${locked.broker.url}/v1/${namespace}/definitions`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${ROOT}` },
        body: document,
      });
    expect(await (await put()).json()).toMatchObject({ unchanged: 0 });
    expect(await (await put()).json()).toMatchObject({ steps: [], unchanged: 2 });
    const exported = await fetch(`${locked.broker.url}/v1/${namespace}/definitions?kinds=schedules`, {
      headers: { authorization: `Bearer ${ROOT}` },
    });
    expect(await exported.text()).toContain(body);
  });
});

describe('rights', () => {
  it('are those of each entry, and with prune of everything of its kinds', async () => {
    const { posthorn, namespace } = await space();
    await posthorn.queues.declare('theirs');
    const scoped = await posthorn.tokens.make({
      name: 'team',
      scopes: [
        { kind: 'queue', name: 'team.*', actions: ['manage'] },
        { kind: 'topic', name: '*', actions: ['view'] },
      ],
    });
    const put = async (document: object, query = ''): Promise<[number, string | undefined]> => {
      const path = `/v1/${namespace}/definitions${query}`;
      const body = { posthorn: 1, ...document };
      const reply = await locked.call<ProblemDocument & DefinitionsApplied>('PUT', path, body, scoped.token);
      return [reply.status, reply.body.code && `${reply.body.code} ${String(reply.body['needs'])}`];
    };
    expect(await put({ queues: [{ queue: 'team.a' }] })).toEqual([200, undefined]);
    expect(await put({ queues: [{ queue: 'team.a' }, { queue: 'theirs' }] })).toEqual([
      403,
      'forbidden queue:theirs:manage',
    ]);
    expect(await put({ queues: [{ queue: 'team.a' }] }, '?prune=true&dry_run=true')).toEqual([
      403,
      'forbidden queue:*:manage',
    ]);
    expect(await put({ queues: [{ queue: 'team.a', dead_letter: { queue: 'theirs' } }] })).toEqual([
      403,
      'forbidden queue:theirs:write',
    ]);
    expect(await put({ policies: [{ policy: 'p', pattern: '*', definition: { max_length: 1 } }] })).toEqual([
      403,
      'forbidden queue:*:manage',
    ]);
    expect(
      await put({ bindings: [{ source: 'amq.topic', destination: { kind: 'queue', name: 'team.a' } }] }),
    ).toEqual([403, 'forbidden exchange:amq.topic:manage']);
    expect(await put({ topics: [{ topic: 'posthorn.audit' }] })).toMatchObject([403, expect.anything()]);
    const get = (query: string): Promise<{ status: number; body: Partial<ProblemDocument> }> =>
      locked.call('GET', `/v1/${namespace}/definitions${query}`, undefined, scoped.token);
    expect(await get('?kinds=topics')).toMatchObject({ status: 200, body: { topics: [] } });
    expect(await get('')).toMatchObject({ status: 403, body: { needs: 'queue:*:view' } });
  });

  it('leave the audit what it is: not exported, not pruned, but a queue of its name is one as any other', async () => {
    const { posthorn } = await space();
    await posthorn.queues.declare('posthorn.audit'); // writes the first record, which makes the topic
    await expect
      .poll(async () => (await posthorn.topics.list()).map(({ topic }) => topic))
      .toEqual(['posthorn.audit']);
    const exported = await posthorn.definitions.export();
    expect(exported).toMatchObject({ topics: [], queues: [{ queue: 'posthorn.audit' }] });
    const { steps } = await posthorn.definitions.apply({ ...exported, queues: [] }, { prune: true });
    expect(textOf(steps)).toEqual(['delete queue posthorn.audit']);
    const records = [];
    for await (const record of posthorn.reader('posthorn.audit', { follow: false }))
      records.push(record.json());
    expect(records).toContainEqual(
      expect.objectContaining({
        operation: 'putDefinitions',
        details: { created: 0, changed: 0, deleted: 1, steps: ['delete queue posthorn.audit'] },
      }),
    );
  });
});
