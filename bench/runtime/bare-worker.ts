/**
 * Bare worker, the baseline of the benchmark: a Durable Object that stores each request body as one blob and returns
 * blobs. It has no offsets, checks, times or clean-up. `/call` is a call to an object that does nothing, and `/nothing` none.
 */

import { DurableObject } from 'cloudflare:workers';

interface Env {
  BARE: DurableObjectNamespace<Bare>;
}

export class Bare extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  #next: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec('CREATE TABLE IF NOT EXISTS blobs (id INTEGER PRIMARY KEY, data BLOB)');
    this.#next = this.#sql
      .exec<{ next: number }>('SELECT coalesce(max(id), 0) + 1 AS next FROM blobs')
      .one().next;
  }

  doNothing(bytes: Uint8Array): { bytes: number } {
    return { bytes: bytes.length };
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.method === 'POST') {
      const body = await request.arrayBuffer();
      this.#sql.exec('INSERT INTO blobs VALUES (?, ?)', this.#next, body);
      return new Response(String(this.#next++));
    }
    const { searchParams } = new URL(request.url);
    const bytesMax = Number(searchParams.get('max_bytes'));
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    let next = Number(searchParams.get('from'));
    for (const row of this.#sql.exec<{ id: number; data: ArrayBuffer }>(
      'SELECT * FROM blobs WHERE id >= ?',
      next,
    )) {
      if (bytes + row.data.byteLength > bytesMax && bytes > 0) break;
      chunks.push(new Uint8Array(row.data));
      bytes += row.data.byteLength;
      next = row.id + 1;
    }
    const body = new Uint8Array(bytes);
    chunks.reduce((at, chunk) => (body.set(chunk, at), at + chunk.length), 0);
    return new Response(body, { headers: { next: String(next) } });
  }
}

const BYTES = new Uint8Array(200);

export default {
  fetch: async (request, env) => {
    const object = env.BARE.getByName('bare');
    const { pathname } = new URL(request.url);
    if (pathname === '/nothing') return new Response('ok');
    if (pathname === '/call') return Response.json(await object.doNothing(BYTES));
    return await object.fetch(request);
  },
} satisfies ExportedHandler<Env>;
