/** Definitions files of RabbitMQ: what becomes of each entry, and what is said of those that have no counterpart. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { DefinitionsApplied } from '../../../protocol/schemas/definitions.ts';
import { Posthorn } from '../../../sdk/index.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let posthorn: Posthorn;
let namespaces = 0;
beforeAll(async () => {
  locked = await LockedBroker.start();
});
afterAll(() => locked.broker.stop());

type Reply = DefinitionsApplied & ProblemDocument;

/** Puts a document into a namespace of its own, which `posthorn` shows then. */
async function put(
  document: object,
  { query = '', namespace = `space-${++namespaces}` } = {},
): Promise<{ status: number; body: Reply }> {
  await locked.namespace(namespace);
  posthorn = new Posthorn({ url: locked.broker.url, namespace, token: ROOT });
  const path = `/v1/${namespace}/definitions${query}`;
  const { status, body } = await locked.call<Reply>('PUT', path, document);
  return { status, body };
}

const steps = ({ steps: all }: Reply): string[] =>
  all.map(({ action, kind, name }) => `${action} ${kind} ${name}`);
const leftOut = ({ left_out: all = [] }: Reply): string[] =>
  all.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`);

/** As `rabbitmqctl export_definitions` writes them. */
const EXPORT = {
  rabbit_version: '3.10.8',
  rabbitmq_version: '3.10.8',
  product_name: 'RabbitMQ',
  product_version: '3.10.8',
  users: [{ name: 'shop', password_hash: 'pW==', hashing_algorithm: 'sha256', tags: ['administrator'] }],
  vhosts: [{ name: '/' }],
  permissions: [{ user: 'shop', vhost: '/', configure: '.*', write: '.*', read: '.*' }],
  topic_permissions: [],
  parameters: [{ vhost: '/', component: 'shovel', name: 'move', value: { 'src-uri': 'amqp://' } }],
  global_parameters: [{ name: 'cluster_name', value: 'rabbit@here' }],
  policies: [
    policy('letters', '^jobs\\.', { 'dead-letter-exchange': 'dead', 'message-ttl': 60_000 }),
    policy('mirrors', '^jobs\\.', { 'ha-mode': 'all', 'max-length': 10 }, { priority: 5 }),
    policy('others', '^(?!amq\\.).*', { 'max-length': 9 }),
    policy('only-mirrors', '', { 'ha-mode': 'all' }),
    policy('exchanges', '', { 'alternate-exchange': 'dead' }, { 'apply-to': 'exchanges' }),
  ],
  queues: [
    queue('jobs.mails', { 'x-max-priority': 10, 'x-queue-mode': 'lazy', 'x-delivery-limit': 3 }),
    queue('letters', { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-max-length': 100 }),
    queue('log', { 'x-queue-type': 'stream', 'x-max-age': '1D' }),
    queue('wrong', { 'x-message-ttl': 'soon' }),
    queue('long', { 'x-message-ttl': 1e15 }),
  ],
  exchanges: [
    exchange('dead', 'fanout'),
    exchange('shop', 'topic', { 'alternate-exchange': 'dead' }),
    exchange('spread', 'x-consistent-hash', { 'hash-header': 'user' }),
    exchange('random', 'x-random'),
    exchange('amq.topic', 'topic'),
  ],
  bindings: [
    binding('shop', 'jobs.mails', 'mail.#'),
    binding('shop', 'jobs.mails', 'mail.#'),
    binding('dead', 'letters', ''),
    binding('amq.headers', 'letters', '', { 'x-match': 'all', kind: 'late', n: 5 }),
    { ...binding('amq.topic', 'shop', 'shop.*'), destination_type: 'exchange' },
    binding('shop', 'log', '#'),
    binding('random', 'letters', ''),
  ],
};

function policy(name: string, pattern: string, definition: object, more: object = {}): object {
  return { vhost: '/', name, pattern, 'apply-to': 'queues', definition, priority: 0, ...more };
}
function queue(name: string, given: object): object {
  return { name, vhost: '/', durable: true, auto_delete: false, arguments: given };
}
function exchange(name: string, type: string, given: object = {}): object {
  return { name, vhost: '/', type, durable: true, auto_delete: false, internal: false, arguments: given };
}
function binding(source: string, destination: string, key: string, given: object = {}): object {
  return { source, vhost: '/', destination, destination_type: 'queue', routing_key: key, arguments: given };
}

describe('a definitions file of RabbitMQ', () => {
  it('is taken as far as there are counterparts, and the reply names the rest', async () => {
    const plan = await put(EXPORT, { query: '?dry_run=true', namespace: 'shop' });
    expect(plan).toMatchObject({ status: 200, body: { dry_run: true } });
    expect(await posthorn.queues.list()).toEqual([]);
    const { body } = await put(EXPORT, {
      query: `?if_version=${plan.body.topology_version}`,
      namespace: 'shop',
    });
    expect(steps(body)).toEqual([
      'create queue jobs.mails',
      'create queue letters',
      'create exchange dead',
      'create exchange shop',
      'create exchange spread',
      'create binding shop -> queue jobs.mails "mail.#"',
      'create binding dead -> queue letters ""',
      'create binding amq.headers -> queue letters "" {"kind":"late","n":5,"x-match":"all"}',
      'create binding amq.topic -> exchange shop "shop.*"',
      'create policy letters',
      'create policy mirrors',
    ]);
    expect(steps(plan.body)).toEqual(steps(body));
    expect(plan.body.left_out).toEqual(body.left_out);
    expect(leftOut(body)).toEqual([
      "exchanges random: exchanges of type 'x-random' are not supported",
      "queues log: argument 'x-queue-type' of queue 'log' is not supported",
      "queues wrong: invalid arg 'x-message-ttl' for queue 'wrong'",
      'queues long: message_ttl_ms: Too big: expected number to be <=315360000000',
      'bindings shop -> log: the queue "log" is left out',
      'bindings random -> letters: the exchange "random" is left out',
      'policies mirrors: of its settings ha-mode, which no queue has here',
      'policies others: patterns are globs here, and none means ^(?!amq\\.).*: posthorn policies put',
      'policies only-mirrors: it sets ha-mode, and none of what queues have here',
      'policies exchanges: policies are for queues here, not for exchanges',
      'users shop: users are tokens here: posthorn tokens make',
      'permissions shop: rights are scopes of tokens',
      'parameters move: there are no parameters here',
      'global_parameters cluster_name: there are no parameters here',
    ]);
    expect(await posthorn.queues.get('jobs.mails')).toMatchObject({ maxPriority: 10, maxLength: 10 });
    expect(await posthorn.queues.get('letters')).toMatchObject({
      overflow: 'reject-publish',
      maxLength: 100,
    });
    expect(await posthorn.exchanges.get('shop')).toMatchObject({ type: 'topic', alternateExchange: 'dead' });
    expect(await posthorn.exchanges.get('spread')).toMatchObject({ hashHeader: 'user' });
    expect(await posthorn.policies.get('letters')).toMatchObject({
      pattern: 'jobs.*',
      definition: { messageTtlMs: 60_000, deadLetter: { exchange: 'dead' } },
    });
    await using publisher = posthorn.publisher();
    await publisher.publish('shop', { routingKey: 'mail.welcome', body: 'a' });
    await publisher.publish('shop', { routingKey: 'unknown', body: 'b' }); // by the alternate exchange
    const bodies = async (name: string): Promise<string[]> =>
      (await posthorn.queues.peek(name)).map(({ body }) => body as string);
    expect([await bodies('jobs.mails'), await bodies('letters')]).toEqual([['a'], ['b']]);
    // It can be put again, as it is.
    const again = await put(EXPORT, { namespace: 'shop' });
    expect([steps(again.body), again.body.unchanged]).toEqual([[], 11]);
  });

  it.each([
    ['its only virtual host, whatever its name', ['orders'], 'elsewhere', ['create queue of-orders']],
    ['its virtual host of that name', ['/', 'orders'], 'orders', ['create queue of-orders']],
    ['that of the default namespace', ['orders', '/'], 'default', ['create queue of-/']],
    ['nothing where no virtual host is meant', ['a', 'b'], 'elsewhere', []],
  ])('brings into a namespace %s', async (_, names, namespace, expected) => {
    const vhosts = names.map((name) => ({ name }));
    const queues = names.map((vhost) => ({ name: `of-${vhost}`, vhost, durable: true, arguments: {} }));
    const { body } = await put({ vhosts, queues }, { query: '?dry_run=true', namespace });
    expect(steps(body)).toEqual(expected);
    expect(body.left_out!.map(({ name }) => name)).toEqual(
      names.filter((name) => !expected.includes(`create queue of-${name}`)),
    );
  });

  it('of one virtual host, or by hand, is one too', async () => {
    const { body } = await put({
      queues: [{ name: 'jobs' }],
      exchanges: [{ name: 'shop', type: 'direct' }],
      bindings: [{ source: 'shop', destination: 'jobs', destination_type: 'queue' }],
    });
    expect(steps(body)).toHaveLength(3);
    expect(body.left_out).toEqual([]);
  });

  it.each([
    ['a list that is none', { users: [], queues: {} }, '', 'invalid_field', 'queues'],
    ['a queue without a name', { users: [], queues: [{}] }, '', 'invalid_field', 'queues[0].name'],
    [
      'an unknown kind of destination',
      { users: [], bindings: [{ source: 'a', destination: 'b', destination_type: 'topic' }] },
      '',
      'invalid_field',
      'destination_type',
    ],
    ['what deletes the rest', EXPORT, '?prune=true', 'invalid_field', 'prune'],
    ['a document that says it is no such one', { posthorn: 1, users: [] }, '', 'unknown_field', 'users'],
    ['one that nothing marks', { queues: [] }, '', 'invalid_field', 'posthorn'],
  ])('is refused whole with %s', async (_, document, query, code, detail) => {
    const { status, body } = await put(document, { query });
    expect([status, body.code]).toEqual([400, code]);
    expect(body.detail).toContain(detail);
    expect(await posthorn.queues.list()).toEqual([]);
  });

  it('changes nothing if one of its entries differs from what cannot change', async () => {
    await put({ queues: [{ name: 'jobs', arguments: { 'x-max-priority': 5 } }] }, { namespace: 'fixed' });
    const queues = [{ name: 'new' }, { name: 'jobs', arguments: { 'x-max-priority': 6 } }];
    const { status, body } = await put({ queues }, { namespace: 'fixed' });
    expect([status, body.code]).toEqual([409, 'queue_differs']);
    expect((await posthorn.queues.list()).map(({ queue: name }) => name)).toEqual(['jobs']);
  });
});
