/** Objects that come in parts: nobody sees one before it is complete, and each step can be repeated. */

import { createHash, randomBytes } from 'node:crypto';
import { Headers as MiniflareHeaders } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectPrefix } from '../../../core/objects/object-key.ts';
import { UPLOADS_PREFIX } from '../../../core/objects/upload.ts';
import { OBJECT_PART_BYTES } from '../../../protocol/limits.ts';
import { DAY_MS } from '../../../protocol/names/object-id.ts';
import type { ObjectList, ObjectReply, PartReply, UploadReply } from '../../../protocol/schemas/objects.ts';
import { nameObject } from '../../../workers/objects/stored-object.ts';
import { sweepUploads } from '../../../workers/objects/sweep-uploads.ts';
import { abortUpload, completeUpload } from '../../../workers/objects/uploads.ts';
import type { BucketFault } from '../../support/broker/faulty-bucket.ts';
import { TestBroker, type Reply } from '../../support/broker/test-broker.ts';

const bytes = new Uint8Array(randomBytes(2 * OBJECT_PART_BYTES + 1_000));
const hex = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const sha256 = hex(bytes);
const partOf = (part: number): Uint8Array<ArrayBuffer> =>
  bytes.slice((part - 1) * OBJECT_PART_BYTES, part * OBJECT_PART_BYTES);
const path = (id: string): string => `/v1/default/objects/${id}`;

let broker: TestBroker;
let bucket: R2Bucket;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'its bucket is looked into, and fails', onLog: () => {} });
  bucket = (await broker.broker.miniflare.getR2Bucket('OBJECTS', 'posthorn')) as unknown as R2Bucket;
});
afterAll(() => broker.stop());

const begin = (id: string, body: object = { bytes: bytes.length, sha256, content_type: 'video/mp4' }) =>
  broker.call<UploadReply>('POST', `${path(id)}/uploads`, body);
const put = (id: string, upload: string, part: number, data = partOf(part), query = `sha256=${hex(data)}`) =>
  broker.call<PartReply>('PUT', `${path(id)}/uploads/${upload}/parts/${part}?${query}`, data);
const complete = (id: string, upload: string, parts: PartReply[]): Promise<Reply<ObjectReply>> =>
  broker.call('POST', `${path(id)}/uploads/${upload}/complete`, { parts });
const get = async (id: string, headers: Record<string, string> = {}): Promise<Buffer> =>
  Buffer.from(await (await fetch(`${broker.url}${path(id)}`, { headers })).arrayBuffer());
const keys = async (prefix: string): Promise<string[]> =>
  (await bucket.list({ prefix })).objects.map(({ key }) => key);

interface Sent {
  upload: string;
  parts: PartReply[];
}

async function sent(id: string): Promise<Sent> {
  const { upload } = (await begin(id)).body;
  const parts = [];
  for (const part of [3, 1, 2]) parts.push((await put(id, upload, part)).body);
  return { upload, parts };
}

const small = bytes.slice(0, 1_000);

/** Of one part, for what is done many times. */
async function sentSmall(id: string): Promise<Sent> {
  const { upload } = (await begin(id, { bytes: small.length, sha256: hex(small) })).body;
  return { upload, parts: [(await put(id, upload, 1, small)).body] };
}

const problem = ({ status, body }: Reply<unknown>): [number, string] => [
  status,
  (body as { code: string }).code,
];

/** Returns a bucket that runs something before its n-th call. */
function beforeCall(over: R2Bucket, nth: number, run: () => Promise<void>): R2Bucket {
  let calls = 0;
  const wrapped = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get: (_, name) => {
        const member = Reflect.get(target, name, target) as (...args: unknown[]) => unknown;
        if (typeof member !== 'function') return member;
        if (name === 'resumeMultipartUpload')
          return (...args: unknown[]) => wrapped(member.apply(target, args) as object);
        return async (...args: unknown[]) => {
          if (++calls === nth) await run();
          return await member.apply(target, args.map(asMiniflares));
        };
      },
    });
  return wrapped(over);
}

/** Miniflare takes no `Headers` but its own from a test. */
function asMiniflares(argument: unknown): unknown {
  const { onlyIf } = argument as R2PutOptions;
  return onlyIf instanceof Headers
    ? { ...(argument as object), onlyIf: new MiniflareHeaders([...onlyIf]) }
    : argument;
}

/** Some send 33 MB, on a machine that may be busy. */
describe('an object in parts', { timeout: 120_000 }, () => {
  it('is there when it is complete, as one that came whole', async () => {
    const id = 'forever.film';
    const begun = await begin(id);
    expect([begun.status, begun.body]).toMatchObject([
      201,
      { object: id, bytes: bytes.length, part_bytes: OBJECT_PART_BYTES, parts: 3 },
    ]);
    const { upload } = begun.body;
    const parts = [];
    for (const part of [3, 1, 2]) {
      parts.push((await put(id, upload, part)).body);
      expect((await broker.call('GET', path(id))).status).toBe(404);
    }
    const done = await complete(id, upload, parts);
    const fields = { object: id, bytes: bytes.length, content_type: 'video/mp4', sha256, expires_at: null };
    expect([done.status, done.body]).toMatchObject([201, fields]);
    expect((await get(id)).equals(bytes)).toBe(true);
    const range = await get(id, { range: `bytes=${OBJECT_PART_BYTES - 5}-${OBJECT_PART_BYTES + 4}` });
    expect(range.equals(bytes.subarray(OBJECT_PART_BYTES - 5, OBJECT_PART_BYTES + 5))).toBe(true);
    const head = await fetch(`${broker.url}${path(id)}`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), head.headers.get('content-type')]).toEqual([
      String(bytes.length),
      'video/mp4',
    ]);
    const list = await broker.call<ObjectList>('GET', '/v1/default/objects');
    expect(list.body.objects.filter(({ object }) => object.startsWith(id))).toMatchObject([fields]);

    expect((await complete(id, upload, parts)).body, 'a lost reply').toMatchObject(fields);
    expect((await begin(id)).body, 'nothing to send').toMatchObject(fields);
    expect(problem(await begin(id, { bytes: 5 }))).toEqual([409, 'object_differs']);
    expect(problem((await broker.call('PUT', path(id), 'other')) as never)).toEqual([409, 'object_differs']);
    expect(await keys(UPLOADS_PREFIX)).toEqual([]);
    expect((await broker.call('DELETE', path(id))).status).toBe(200);
    expect(await keys(`${objectPrefix('default')}${id}`)).toEqual([]);
  });

  it('is listed page by page', async () => {
    const ids = ['forever.list-a', 'forever.list-b'];
    const { upload, parts } = await sentSmall(ids[0]!);
    await complete(ids[0]!, upload, parts);
    await broker.call('PUT', path(ids[1]!), 'x');
    const seen: string[] = [];
    for (let after: string | undefined = 'forever.list'; after !== undefined;) {
      const query: string = `after=${encodeURIComponent(after)}&limit=1`;
      const { body } = await broker.call<ObjectList>('GET', `/v1/default/objects?${query}`);
      seen.push(...body.objects.map(({ object }) => object));
      after = body.next;
    }
    expect(seen.slice(0, 2)).toEqual(ids);
  });

  it('takes the last bytes of a part that is sent twice', async () => {
    const id = 'forever.twice';
    const { upload } = await sentSmall(id);
    const again = (await put(id, upload, 1, bytes.slice(1_000, 2_000))).body;
    expect((await complete(id, upload, [again])).status).toBe(201);
    expect((await get(id)).equals(bytes.subarray(1_000, 2_000))).toBe(true);
  });

  it('is one of two uploads that are completed', async () => {
    const id = 'forever.race';
    const [first, second] = [await sentSmall(id), await sentSmall(id)];
    const answers = await Promise.all(
      [first, second].map(({ upload, parts }) => complete(id, upload, parts)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect((await get(id)).equals(small)).toBe(true);
    expect(await keys(`${objectPrefix('default')}${id}`)).toHaveLength(2);
    const other = await sentSmall('forever.raced');
    await broker.call('PUT', path('forever.raced'), 'was faster');
    expect(problem(await complete('forever.raced', other.upload, other.parts))).toEqual([
      409,
      'object_differs',
    ]);
    expect(String(await get('forever.raced'))).toBe('was faster');
    expect(await keys(`${objectPrefix('default')}forever.raced`)).toHaveLength(1);
  });

  it('is refused with a part that is missing, wrong, or not of it', async () => {
    const id = 'forever.wrong';
    const { upload, parts } = await sent(id);
    for (const part of ['0', '4', '-1', '1.5', 'x'])
      expect(problem(await put(id, upload, part as unknown as number, new Uint8Array(5)))).toEqual([
        400,
        'invalid_part',
      ]);
    expect(problem(await put(id, upload, 1, partOf(3)))).toEqual([400, 'invalid_part']);
    expect(problem(await put(id, upload, 1, partOf(2), `sha256=${hex(partOf(1))}`))).toEqual([
      400,
      'digest_mismatch',
    ]);
    for (const some of [parts.slice(1), [...parts, parts[0]!], [parts[0]!, parts[0]!, parts[1]!]])
      expect(problem(await complete(id, upload, some))).toEqual([409, 'upload_incomplete']);
    const made = parts.map(({ part }) => ({ part, etag: 'made-up' }));
    expect(problem(await complete(id, upload, made))).toEqual([409, 'upload_incomplete']);
    expect(problem(await complete('forever.another', upload, parts))).toEqual([404, 'upload_not_found']);
    expect(problem(await complete(id, 'made-up', parts))).toEqual([404, 'upload_not_found']);
    expect((await complete(id, upload, parts)).status).toBe(201);
    expect((await get(id)).equals(bytes)).toBe(true);
  });

  it('leaves nothing when it is given up', async () => {
    const id = 'forever.given-up';
    const { upload, parts } = await sentSmall(id);
    expect((await broker.call('DELETE', `${path(id)}/uploads/${upload}`)).status).toBe(200);
    expect(problem(await complete(id, upload, parts))).toEqual([404, 'upload_not_found']);
    expect(problem(await put(id, upload, 1, small))).toEqual([404, 'upload_not_found']);
    expect((await broker.call('DELETE', `${path(id)}/uploads/${upload}`)).status).toBe(404);
    expect(await keys(`${objectPrefix('default')}${id}`)).toEqual([]);
  });

  it.each(['completed', 'given up'])(
    'that was answered is there, with the other at each step, when it is %s',
    async (slow) => {
      for (let nth = 1, done = false; !done; nth++) {
        const id = `forever.both-${slow.length}-${nth}`;
        const { upload, parts } = await sentSmall(id);
        const named = nameObject('default', id);
        const completed = (by: R2Bucket) => completeUpload(by, named, upload, parts);
        const givenUp = (by: R2Bucket) => abortUpload(by, named, upload);
        const [first, second] = slow === 'completed' ? [completed, givenUp] : [givenUp, completed];
        let between: Awaited<ReturnType<typeof first>> | undefined;
        const answer = await first(
          beforeCall(bucket, nth, async () => {
            between = await second(beforeCall(bucket, 0, () => Promise.resolve()));
          }),
        );
        done = between === undefined;
        const isStored = [answer, between].some((each) => typeof each === 'object' && 'stored' in each);
        const seen = await fetch(`${broker.url}${path(id)}`);
        expect(seen.status, `call ${nth}`).toBe(isStored ? 200 : 404);
        const body = Buffer.from(await seen.arrayBuffer());
        if (isStored) expect(body.equals(small)).toBe(true);
        else expect(await keys(`${objectPrefix('default')}${id}`)).toEqual([]);
      }
    },
  );

  it.each(['before', 'after'] as const)(
    'is complete although the bucket failed %s its n-th call, and a crash leaves nothing for good',
    async (when) => {
      const fault: BucketFault = { nth: 0, when, message: 'the bucket failed', isLasting: false };
      const fail = async (nth: number): Promise<number> =>
        (await broker.call<number>('POST', '/test/bucket', { ...fault, nth })).body;
      for (let nth = 1, done = false; !done; nth++) {
        const [id, abandoned] = [`forever.${when}-${nth}`, `forever.abandoned-${when}-${nth}`];
        const [upload, crashed] = [await sentSmall(id), await sentSmall(abandoned)];
        await fail(nth);
        const { status } = await complete(abandoned, crashed.upload, crashed.parts);
        done = (await fail(nth)) < nth;
        expect(status).toBe(done ? 201 : 503);
        await complete(id, upload.upload, upload.parts);
        await fail(0);
        expect([200, 201]).toContain((await complete(id, upload.upload, upload.parts)).status);
        expect((await get(id)).equals(small)).toBe(true);
        await sweepUploads(bucket, Date.now() + 2 * DAY_MS, () => Promise.resolve());
        expect(await keys(UPLOADS_PREFIX)).toEqual([]);
        const left = await keys(`${objectPrefix('default')}${abandoned}`);
        expect([0, 2]).toContain(left.length);
        if (left.length === 2) expect((await get(abandoned)).equals(small)).toBe(true);
        for (const each of [id, abandoned]) await broker.call('DELETE', path(each));
      }
    },
  );

  it('is swept a day after it was begun, and not before', async () => {
    const id = 'forever.swept';
    const { upload, parts } = await sentSmall(id);
    const freed: [string, number, string][] = [];
    const sweep = async (nowMs: number): Promise<number> =>
      await sweepUploads(bucket, nowMs, (...each) => Promise.resolve(void freed.push(each)));
    expect(await sweep(Date.now() + DAY_MS)).toBe(0);
    expect(await sweep(Date.now() + 2 * DAY_MS)).toBe(1);
    expect(freed).toEqual([['default', small.length, upload]]);
    expect(problem(await complete(id, upload, parts))).toEqual([404, 'upload_not_found']);
  });
});
