/**
 * The worker as it is deployed, with two additions for tests: a clock that can be put forward, for all its partitions at
 * once, and the storage cases run inside a Durable Object.
 */

import worker, { Partition as RealPartition, Topology } from '../../workers/index.ts';
import { DurableSql } from '../../durable-objects/storage/durable-sql.ts';
import type { Env } from '../../durable-objects/stubs.ts';
import { segmentLogCases } from '../durable-objects/storage/segment-log.suite.ts';

export { Topology };

/** Of the isolate, not of an object: it stays when an object is evicted. */
let aheadMs = 0;

export class Partition extends RealPartition {
  protected override now(): number {
    return Date.now() + aheadMs;
  }

  async runCase(name: string): Promise<string> {
    try {
      segmentLogCases[name]!(new DurableSql(this.ctx.storage));
      return 'passed';
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    } finally {
      await this.ctx.storage.deleteAll();
    }
  }
}

export default {
  async fetch(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === '/test/advance') {
      aheadMs += Number(url.searchParams.get('ms'));
      return new Response(String(aheadMs));
    }
    if (url.pathname === '/test/storage-case') {
      const stub = env.PARTITION.getByName(`case ${url.searchParams.get('name')}`) as unknown as Partition;
      return new Response(await stub.runCase(url.searchParams.get('name') ?? ''));
    }
    return await worker.fetch(request, env, ctx);
  },
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
