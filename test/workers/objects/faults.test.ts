/** Objects whose bucket fails, whose clients leave, or that vanish: nothing half-stored is seen, and what was answered is there. */

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { objectKey } from '../../../core/objects/object-key.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { ObjectList } from '../../../protocol/schemas/objects.ts';
import { Posthorn } from '../../../sdk/index.ts';
import type { BucketFault } from '../../support/broker/faulty-bucket.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const bytes = new Uint8Array(randomBytes(1_000_000));
const sha256 = createHash('sha256').update(bytes).digest('hex');
const path = (id: string): string => `/v1/default/objects/${id}`;

let broker: TestBroker;
let bucket: R2Bucket;
let posthorn: Posthorn;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its bucket fails', onLog: () => {} });
  bucket = (await broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn')) as unknown as R2Bucket;
  posthorn = new Posthorn({ url: broker.url });
});
afterEach(() => fail({ nth: 0 }));
afterAll(() => broker.stop());

/** @returns the calls of the bucket since the last fault was set */
async function fail(fault: Partial<BucketFault>): Promise<number> {
  const whole = { nth: 1, when: 'before', message: 'the bucket failed', isLasting: false, ...fault };
  return (await broker.call<number>('POST', '/test/bucket', whole)).body;
}

const put = (id: string) => broker.call('PUT', `${path(id)}?sha256=${sha256}`, bytes);
const get = async (id: string, headers: Record<string, string> = {}): Promise<Buffer> => {
  const response = await fetch(`${broker.url}${path(id)}`, { headers });
  return Buffer.from(await response.arrayBuffer());
};

describe.each(['before', 'after'] as const)('a bucket that fails %s its n-th call', (when) => {
  it('makes a put fail, which can be repeated', async () => {
    for (let nth = 1, done = false; !done; nth++) {
      const id = `forever.put-${when}-${nth}`;
      await fail({ nth, when });
      const first = await put(id);
      done = (await fail({ nth: 0 })) < nth;
      if (done) expect(first.status).toBe(201);
      else expect([first.status, first.body]).toMatchObject([503, { code: 'unavailable', retryable: true }]);
      expect([200, 201]).toContain((await put(id)).status);
      expect((await get(id)).equals(bytes)).toBe(true);
    }
  });

  it.each([
    ['get', 'GET', {}],
    ['range', 'GET', { range: 'bytes=5-' }],
    ['head', 'HEAD', {}],
    ['delete', 'DELETE', {}],
  ])('makes a %s fail, which can be repeated', async (_, method, headers) => {
    for (let nth = 1, done = false; !done; nth++) {
      const id = `forever.${method}-${when}-${nth}`;
      await put(id);
      await fail({ nth, when });
      const { status } = await fetch(`${broker.url}${path(id)}`, { method, headers }).then(drained);
      done = (await fail({ nth: 0 })) < nth;
      if (!done) expect(status).toBe(503);
      const again = await fetch(`${broker.url}${path(id)}`, { method, headers }).then(drained);
      // A deletion that was done although its reply was lost is not found.
      expect(method === 'DELETE' ? [200, 404] : [200, 206]).toContain(again.status);
    }
  });
});

async function drained(response: Response): Promise<Response> {
  await response.arrayBuffer();
  return response;
}

describe('a bucket', () => {
  it.each([
    'put: Please enable R2 through the Cloudflare Dashboard. (10042)',
    'head: Access denied (10003)',
    'get: The specified bucket does not exist. (10006)',
  ])('that refuses the broker says so: %s', async (message) => {
    await fail({ message, isLasting: true });
    for (const method of ['PUT', 'GET', 'DELETE'] as const) {
      const { status, body } = await broker.call(
        method,
        path('forever.refused'),
        method === 'PUT' ? 'x' : undefined,
      );
      expect([status, body]).toMatchObject([502, { code: 'objects_refused', retryable: false }]);
      expect(body.detail).toContain(message);
    }
    await posthorn.queues.declare('refused');
    const publisher = posthorn.publisher();
    await publisher.sendToQueue('refused', { body: 'x'.repeat(500_000) });
    await expect(publisher.sendToQueue('refused', { body: bytes.slice(0, 300_000) })).resolves.toBeDefined();
    await expect(publisher.sendToQueue('refused', { body: new Uint8Array(2_000_000) })).rejects.toMatchObject(
      { code: 'record_too_large' },
    );
  });

  it('that breaks off in the middle of a body ends the reply, and no reader takes it for whole', async () => {
    const id = 'forever.broken';
    await put(id);
    await fail({ when: 'body' });
    await expect(get(id)).rejects.toThrow();
    await fail({ when: 'body' });
    const read = async (): Promise<number> => {
      let length = 0;
      for await (const piece of await posthorn.objects.stream(id)) length += piece.length;
      return length;
    };
    await expect(read()).rejects.toThrow();
    await fail({ when: 'body' });
    expect(Buffer.from(await posthorn.objects.get(id)).equals(bytes), 'the SDK reads again').toBe(true);
  });

  it('whose object vanishes between two calls answers that it is not there', async () => {
    const id = 'forever.vanishes';
    await put(id);
    await bucket.delete(objectKey('default', id));
    for (const headers of [{}, { range: 'bytes=0-9' }])
      expect(await broker.call('GET', path(id), undefined, headers)).toMatchObject({
        status: 404,
        body: { code: 'object_not_found' },
      });
    expect((await put(id)).status).toBe(201);
  });
});

describe('a client', () => {
  it.each([0, 10_000, 999_999])('that leaves after %i bytes leaves nothing', async (sent) => {
    const id = `forever.leaves-${sent}`;
    const half = request(`${broker.url}${path(id)}?sha256=${sha256}`, {
      method: 'PUT',
      headers: { 'content-length': bytes.length },
    });
    half.on('error', () => {});
    half.write(bytes.subarray(0, sent));
    half.flushHeaders();
    await once(half, 'socket');
    half.destroy();
    const { status, body } = await broker.call('GET', path(id));
    expect([status, body.code]).toEqual([404, 'object_not_found']);
    expect(
      (await broker.call<ObjectList>('GET', '/v1/default/objects?limit=1000')).body.objects,
    ).not.toContainEqual(expect.objectContaining({ object: id }));
    expect((await put(id)).status).toBe(201);
    expect((await get(id)).equals(bytes)).toBe(true);
  });

  it('that leaves while it reads harms nobody', async () => {
    const id = 'forever.half-read';
    await put(id);
    const half = request(`${broker.url}${path(id)}`).end();
    const [reply] = (await once(half, 'response')) as [NodeJS.ReadableStream];
    await once(reply, 'data');
    half.destroy();
    expect((await get(id)).equals(bytes)).toBe(true);
  });

  it('that sends other bytes than it said gets digest_mismatch, and nothing is stored', async () => {
    const id = 'forever.other-bytes';
    for (const body of [bytes.slice(1), new Uint8Array(0), new Uint8Array(bytes.length)]) {
      const refused = await broker.call('PUT', `${path(id)}?sha256=${sha256}`, body);
      expect([refused.status, refused.body.code]).toEqual([400, 'digest_mismatch']);
      expect((await broker.call('GET', path(id))).status).toBe(404);
    }
  });
});

describe('a range', () => {
  const id = 'forever.ranges';
  const size = bytes.length;
  beforeAll(() => put(id));

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=0-', 0, size],
    [`bytes=${size - 1}-`, size - 1, size],
    ['bytes=999990-2000000', 999_990, size],
    ['bytes=-1', size - 1, size],
    ['bytes=-5000000', 0, size],
  ])('%s has these bytes', async (range, from, to) => {
    const response = await fetch(`${broker.url}${path(id)}`, { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${size}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(from, to))).toBe(true);
  });

  it.each([`bytes=${size}-`, `bytes=${size}-${size + 5}`, 'bytes=-0'])('%s has none', async (range) => {
    const response = await fetch(`${broker.url}${path(id)}`, { headers: { range } });
    const problem = (await response.json()) as ProblemDocument;
    expect([response.status, problem['code'], problem['bytes']]).toEqual([416, 'range_unsatisfiable', size]);
  });

  it.each(['bytes=0-1,5-6', 'bytes=9-1', 'items=0-1', 'bytes=', 'bytes=a-b', `bytes=${'9'.repeat(400)}-`])(
    '%s is answered by all',
    async (range) => {
      const response = await fetch(`${broker.url}${path(id)}`, { headers: { range } });
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    },
  );
});
