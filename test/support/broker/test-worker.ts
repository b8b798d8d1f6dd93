/**
 * The worker as it is deployed, with additions for tests: a clock that can be put forward, for all its partitions at
 * once; partitions that cannot be reached when they are told of their topic; a queue that is closed and then not deleted;
 * the storage cases run inside an object; a bucket that fails.
 */

import { Overview as RealOverview } from '../../../durable-objects/overview/overview.ts';
import { Partition as RealPartition } from '../../../durable-objects/partition/partition.ts';
import { Queue as RealQueue } from '../../../durable-objects/queue/queue.ts';
import { ReplyMailbox as RealReplyMailbox } from '../../../durable-objects/reply/reply-mailbox.ts';
import { Subscription as RealSubscription } from '../../../durable-objects/subscription/subscription.ts';
import { Topology as RealTopology } from '../../../durable-objects/topology/topology.ts';
import { Transaction as RealTransaction } from '../../../durable-objects/transaction/transaction.ts';
import worker from '../../../workers/handler.ts';
import { visitDue } from '../../../workers/watchdog.ts';
import { DurableSql } from '../../../durable-objects/storage/durable-sql.ts';
import { overviewStub, queueStub, subscriptionStub, topologyStub } from '../../../durable-objects/stubs.ts';
import type { Env } from '../../../durable-objects/env.ts';
import { queueSteps } from '../../durable-objects/queue/support/queue-steps.ts';
import { compactionCases } from '../../durable-objects/storage/compaction.suite.ts';
import { segmentLogCases } from '../../durable-objects/storage/segment-log.suite.ts';
import { FaultyBucket, type BucketFault } from './faulty-bucket.ts';

export { Directory, Group, Schedule, TopologyFollower } from '../../../workers/deployed.ts';

/** How often a mailbox was made or woke up. */
let mailboxStarts = 0;

export class ReplyMailbox extends RealReplyMailbox {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    mailboxStarts += 1;
  }
}

/** Of the isolate, not of an object: it stays when an object is evicted. */
let aheadMs = 0;

/** The router stamps messages by its own clock, which must be the objects'. */
const realNow = Date.now;
Date.now = () => realNow() + aheadMs;

/** How many of the next calls that tell a partition of its topic fail. */
let unreachable = 0;

/** How many of the next calls that fence a member of a group fail. */
let unfenceable = 0;

export class Partition extends RealPartition {
  protected override now(): number {
    return Date.now();
  }

  override configure(definition: Parameters<RealPartition['configure']>[0]): void {
    if (unreachable-- > 0) throw new Error('the partition cannot be reached, as the test asked for');
    super.configure(definition);
  }

  override fetch(request: Request): Promise<Response> {
    if (request.url.includes('subscription')) pushCosts.reads += 1;
    return super.fetch(request);
  }

  override fenceGroup(group: string, epoch: number): void {
    if (unfenceable-- > 0) throw new Error('the partition cannot be reached, as the test asked for');
    super.fenceGroup(group, epoch);
  }

  async runSteps(seed: number, count: number): Promise<string[]> {
    try {
      return queueSteps(new DurableSql(this.ctx.storage), seed, count);
    } finally {
      await this.ctx.storage.deleteAll();
    }
  }

  async runCase(name: string): Promise<string> {
    try {
      ({ ...segmentLogCases, ...compactionCases })[name]!(new DurableSql(this.ctx.storage));
      return 'passed';
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    } finally {
      await this.ctx.storage.deleteAll();
    }
  }
}

export class Queue extends RealQueue {
  protected override now(): number {
    return Date.now();
  }

  override reportChanges(
    ...args: Parameters<RealQueue['reportChanges']>
  ): ReturnType<RealQueue['reportChanges']> {
    costOf(this.ctx).questions += 1;
    return super.reportChanges(...args);
  }

  /** As the platform does now and then. */
  async loseAlarm(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
  }

  /** As the platform does, which may give an alarm twice. */
  ringAlarm(): Promise<void> {
    this.alarm();
    return Promise.resolve();
  }

  /** What the topology says of its deletion does not arrive while the test says so. */
  override async destroy(): Promise<void> {
    if (failing.mode === 'destroy' && this.ctx.id.name?.startsWith(`default/${failing.queue}#`))
      throw new Error('the queue cannot be reached, as the test asked for');
    await super.destroy();
  }

  /** What other objects hand on fails while the test says so: before it is stored, or after, with the reply lost. */
  override async publish(...args: Parameters<RealQueue['publish']>): ReturnType<RealQueue['publish']> {
    const mode =
      args[2]?.source && this.ctx.id.name?.startsWith(`default/${failing.queue}#`) ? failing.mode : 'works';
    if (mode === 'before') throw new Error('the queue cannot be reached, as the test asked for');
    const published = await super.publish(...args);
    if (mode === 'after') throw new Error('the reply was lost, as the test asked for');
    return published;
  }

  override async fetch(request: Request): Promise<Response> {
    const response = await super.fetch(request);
    return lagMs > 0 && response.webSocket ? lagging(response.webSocket) : response;
  }
}

/** What an overview has cost: reports that it got, questions that objects got, rows that it wrote. */
interface OverviewCost {
  reports: number;
  questions: number;
  rows: number;
}

/** By namespace. */
const overviewCosts = new Map<string, OverviewCost>();

function costOf({ id }: DurableObjectState): OverviewCost {
  const namespace = id.name!.split('/')[0]!;
  const cost = overviewCosts.get(namespace) ?? { reports: 0, questions: 0, rows: 0 };
  overviewCosts.set(namespace, cost);
  return cost;
}

/** The overviews are ahead of all others by this. */
let overviewAheadMs = 0;

export class Overview extends RealOverview {
  protected override now(): number {
    return Date.now() + overviewAheadMs;
  }

  override report(...args: Parameters<RealOverview['report']>): void {
    costOf(this.ctx).reports += 1;
    super.report(...args);
  }

  override reportSubscription(...args: Parameters<RealOverview['reportSubscription']>): void {
    pushCosts.reports += 1;
    super.reportSubscription(...args);
  }

  async ring(): Promise<OverviewCost> {
    await this.alarm();
    return { ...costOf(this.ctx), rows: this.rowsWritten };
  }
}

/** How a list of topics fails. */
let topologyFailure = 'none';

export class Topology extends RealTopology {
  override page(...args: Parameters<RealTopology['page']>): ReturnType<RealTopology['page']> {
    if (topologyFailure === 'throws') throw new Error('the storage failed, as the test asked for');
    if (topologyFailure === 'is reset') this.ctx.abort('reset, as the test asked for');
    return super.page(...args);
  }

  /** Many definitions like one that was declared, called `<name>.00000` and so on, of which no object is told. */
  async fill(table: string, like: string, count: number): Promise<void> {
    const renamed =
      "json_set(json, '$.name', name || printf('.%05d', number), '$.definition.name', name || printf('.%05d', number))";
    this.ctx.storage.sql.exec(
      `WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?)
       INSERT INTO ${table} SELECT name || printf('.%05d', number), ${renamed} FROM ${table}, numbers WHERE name = ?`,
      count - 1,
      like,
    );
  }
}

export class Transaction extends RealTransaction {
  protected override now(): number {
    return Date.now();
  }

  async loseAlarm(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
  }
}

/** What subscriptions have cost: objects that were made or woke, calls, visits of the watchdog, reads of partitions, reports. */
const pushCosts = { starts: 0, wakes: 0, visits: 0, reads: 0, reports: 0 };

export class Subscription extends RealSubscription {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    pushCosts.starts += 1;
  }

  protected override now(): number {
    return Date.now();
  }

  override wake(...args: Parameters<RealSubscription['wake']>): ReturnType<RealSubscription['wake']> {
    pushCosts.wakes += 1;
    return super.wake(...args);
  }

  override tick(): void {
    pushCosts.visits += 1;
    super.tick();
  }

  alarmMs(): Promise<number | null> {
    return this.ctx.storage.getAlarm();
  }

  /** As if its machine died, and the platform forgot the alarm. */
  async dieWithAlarm(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.sync();
    this.ctx.abort('died, as the test asked for');
  }
}

/** The queue that takes nothing from other objects, or does not hear of its deletion. */
let failing = { queue: '', mode: 'works' };

/** What the router gets in the place of its bucket. */
const faultyBucket = new FaultyBucket();

/** How long what a queue sends to those who poll is on its way. */
let lagMs = 0;

function lagging(near: WebSocket): Response {
  const { 0: client, 1: far } = new WebSocketPair();
  near.binaryType = 'arraybuffer';
  near.accept();
  far.accept({ allowHalfOpen: true });
  near.addEventListener('message', ({ data }) => setTimeout(() => far.send(data), lagMs));
  far.addEventListener('close', () => setTimeout(() => far.close(), 2 * lagMs));
  return new Response(null, { status: 101, webSocket: client });
}

/** The path of a request to a shared broker: each test file has a namespace of its own. */
const IN_NAMESPACE = /^(https?:\/\/[^/]+)\/in\/([^/]+)(\/v1\/default(?![^/?]))?/;

export default {
  async fetch(given: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const [prefix, origin, namespace = 'default', path] = IN_NAMESPACE.exec(given.url) ?? [];
    const isShared = prefix !== undefined;
    const rest = given.url.slice(prefix?.length);
    const request = isShared
      ? new Request(`${origin}${path ? `/v1/${namespace}` : ''}${rest}`, given)
      : given;
    const url = new URL(request.url);
    if (url.pathname === '/test/advance') {
      aheadMs += Number(url.searchParams.get('ms'));
      return new Response(String(aheadMs));
    }
    if (url.pathname === '/test/ask') {
      overviewAheadMs += 10_000;
      const overview = overviewStub(env, namespace) as unknown as Overview;
      return Response.json(await overview.ring());
    }
    if (url.pathname === '/test/unreachable') {
      unreachable = Number(url.searchParams.get('times'));
      return new Response();
    }
    if (url.pathname === '/test/topology-failure') {
      topologyFailure = url.searchParams.get('how') ?? 'none';
      return new Response();
    }
    if (url.pathname === '/test/fill') {
      const [table, like] = ['table', 'like'].map((name) => url.searchParams.get(name) ?? '');
      const topology = topologyStub(env, namespace) as unknown as Topology;
      await topology.fill(table!, like!, Number(url.searchParams.get('count')));
      return new Response();
    }
    if (url.pathname === '/test/unfenceable') {
      unfenceable = Number(url.searchParams.get('times'));
      return new Response();
    }
    if (url.pathname === '/test/watchdog') {
      for (let ms = 0; ms < 86_400_000; ms += 300_000) await visitDue(env, ms); // a whole day of the cron trigger
      return new Response();
    }
    if (url.pathname === '/test/failing') {
      failing = { queue: url.searchParams.get('queue') ?? '', mode: url.searchParams.get('mode') ?? 'works' };
      return new Response();
    }
    if (url.pathname === '/test/lag') {
      lagMs = Number(url.searchParams.get('ms'));
      return new Response();
    }
    if (url.pathname === '/test/close-queue') {
      const { queue } = await topologyStub(env, namespace).queue(url.searchParams.get('name') ?? '');
      return Response.json(await queueStub(env, queue!).closeIf(queue!.version, { ifEmpty: true }));
    }
    if (url.pathname === '/test/lose-alarm') {
      const name = url.searchParams.get('object') ?? '';
      const isQueue = name.includes('#');
      const stub = isQueue ? env.QUEUE.getByName(name) : env.TRANSACTION.getByName(name);
      await (stub as unknown as Queue | Transaction).loseAlarm();
      return new Response();
    }
    if (url.pathname === '/test/transactional-ids') {
      return Response.json(await topologyStub(env, namespace).transactionalIds('', 1_000));
    }
    if (url.pathname === '/test/ring-alarm') {
      const stub = env.QUEUE.getByName(url.searchParams.get('object') ?? '') as unknown as Queue;
      await Promise.all(
        Array.from({ length: Number(url.searchParams.get('times')) }, () => stub.ringAlarm()),
      );
      return new Response();
    }
    if (url.pathname === '/test/push-costs') {
      if (url.searchParams.has('reset'))
        Object.assign(pushCosts, { starts: 0, wakes: 0, visits: 0, reads: 0, reports: 0 });
      return Response.json(pushCosts);
    }
    if (url.pathname === '/test/subscription-alarm') {
      const [name, id] = ['name', 'id'].map((key) => url.searchParams.get(key) ?? '');
      const stub = subscriptionStub(env, { namespace, name: name!, id: Number(id) });
      const subscription = stub as unknown as Subscription;
      if (url.searchParams.has('die')) await subscription.dieWithAlarm().catch(() => {});
      const again = subscriptionStub(env, {
        namespace,
        name: name!,
        id: Number(id),
      }) as unknown as Subscription;
      return Response.json(await again.alarmMs());
    }
    if (url.pathname === '/test/mailbox-starts') return Response.json(mailboxStarts);
    if (url.pathname === '/test/queue-steps') {
      const [seed, count] = ['seed', 'count'].map((name) => Number(url.searchParams.get(name)));
      const stub = env.PARTITION.getByName(`steps ${seed}`) as unknown as Partition;
      return Response.json(await stub.runSteps(seed!, count!));
    }
    if (url.pathname === '/test/storage-case') {
      const stub = env.PARTITION.getByName(`case ${url.searchParams.get('name')}`) as unknown as Partition;
      return new Response(await stub.runCase(url.searchParams.get('name') ?? ''));
    }
    if (url.pathname === '/test/bucket') {
      const { calls } = faultyBucket;
      faultyBucket.set(await request.json<BucketFault>());
      return Response.json(calls);
    }
    const { OBJECTS: bucket } = env;
    const routerEnv = bucket ? { ...env, OBJECTS: faultyBucket.over(bucket) } : env;
    return await worker.fetch(request, routerEnv, ctx);
  },
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
