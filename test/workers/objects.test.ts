/** Objects: large bodies that stream between clients and the bucket. */

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProblemDocument } from '../../protocol/errors.ts';
import { DAY_MS, objectId } from '../../protocol/names/object-id.ts';
import type { ObjectList, ObjectReply } from '../../protocol/schemas/objects.ts';
import { TestBroker } from '../support/broker/test-broker.ts';

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const path = (id: string): string => `/v1/default/objects/${id}`;
const idOf = (name: string): string => objectId(name, Date.now(), DAY_MS);

describe('an object', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start();
  });
  afterAll(() => broker.stop());

  const read = (id: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(`${broker.url}${path(id)}`, { method, headers });

  it('comes back as it was stored, in whole or in parts', async () => {
    const bytes = new Uint8Array(randomBytes(3_000_000));
    const id = idOf('whole');
    const put = await broker.call<ObjectReply>('PUT', `${path(id)}?sha256=${hex(bytes)}`, bytes, {
      'content-type': 'image/png',
    });
    expect(put.status).toBe(201);
    expect(put.body).toMatchObject({
      object: id,
      bytes: 3_000_000,
      content_type: 'image/png',
      sha256: hex(bytes),
    });
    expect(put.body.expires_at).toBeGreaterThan(Date.now() + DAY_MS);

    const whole = await read(id);
    expect([whole.status, whole.headers.get('content-type'), whole.headers.get('content-length')]).toEqual([
      200,
      'image/png',
      '3000000',
    ]);
    expect(hex(new Uint8Array(await whole.arrayBuffer()))).toBe(hex(bytes));

    const part = await read(id, { range: 'bytes=1000-1999' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 1000-1999/3000000']);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(1000, 2000));
    const end = await read(id, { range: 'bytes=-10' });
    expect(new Uint8Array(await end.arrayBuffer())).toEqual(bytes.slice(-10));
    const past = await read(id, { range: 'bytes=3000000-' });
    expect([past.status, ((await past.json()) as ProblemDocument).code]).toEqual([
      416,
      'range_unsatisfiable',
    ]);

    const head = await read(id, {}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '3000000']);
  });

  it('never changes', async () => {
    const id = idOf('same');
    const bytes = new TextEncoder().encode('first');
    const sent = `${path(id)}?sha256=${hex(bytes)}`;
    expect((await broker.call('PUT', sent, bytes)).status).toBe(201);
    expect((await broker.call('PUT', sent, bytes)).status).toBe(200);
    const other = await broker.call('PUT', path(id), 'other');
    expect([other.status, other.body.code]).toEqual([409, 'object_differs']);
    expect(await (await read(id)).text()).toBe('first');
  });

  it('is not stored if it is not what the digest says, and can be sent again', async () => {
    const id = idOf('digest');
    const wrong = await broker.call('PUT', `${path(id)}?sha256=${'0'.repeat(64)}`, 'bytes');
    expect([wrong.status, wrong.body.code]).toEqual([400, 'digest_mismatch']);
    expect((await read(id)).status).toBe(404);
    expect((await broker.call('PUT', path(id), 'bytes')).status).toBe(201);
  });

  it('may be empty', async () => {
    const id = idOf('empty');
    expect((await broker.call<ObjectReply>('PUT', path(id), '')).body.bytes).toBe(0);
    const reply = await read(id);
    expect([reply.status, await reply.text()]).toEqual([200, '']);
  });

  it('is listed and deleted', async () => {
    const ids = ['list-a', 'list-b', 'list-c'].map(idOf);
    for (const id of ids) await broker.call('PUT', path(id), id);
    const { body } = await broker.call<ObjectList>(
      'GET',
      `/v1/default/objects?limit=2&after=${idOf('list-')}`,
    );
    expect(body.objects.map(({ object }) => object)).toEqual(ids.slice(0, 2));
    expect(body.next).toBe(ids[1]);
    expect((await broker.call('DELETE', path(ids[0]!))).status).toBe(200);
    expect((await broker.call('DELETE', path(ids[0]!))).body.code).toBe('object_not_found');
    expect((await read(ids[0]!)).status).toBe(404);
  });

  it.each([
    ['photo', 'invalid_name'],
    ['2026-02-30.photo', 'invalid_name'],
    ['2001-01-01.photo', 'invalid_name'],
    ['9999-12-31.photo', 'invalid_name'],
  ])('has no id %s', async (id, code) => {
    const refused = await broker.call('PUT', path(id), 'bytes');
    expect([refused.status, refused.body.code]).toEqual([400, code]);
  });

  it('needs a length', async () => {
    const body = new Blob(['piece']).stream();
    const init = { method: 'PUT', body, duplex: 'half' } as RequestInit;
    const refused = await fetch(`${broker.url}${path(idOf('chunked'))}`, init);
    expect([refused.status, ((await refused.json()) as ProblemDocument).code]).toEqual([
      411,
      'length_required',
    ]);
  });
});

describe('without a bucket', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.start({ own: 'has no bucket', objects: false });
  });
  afterAll(() => broker.stop());

  it('says how to bind one', async () => {
    const refused = await broker.call('PUT', path(idOf('nowhere')), 'bytes');
    expect([refused.status, refused.body.code]).toEqual([501, 'objects_unbound']);
    expect(refused.body.detail).toContain('[[r2_buckets]]');
    expect((await broker.call('GET', path(idOf('nowhere')))).body.code).toBe('objects_unbound');
  });
});
