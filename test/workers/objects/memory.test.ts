/** What the isolate holds of a large object while it streams through. */

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bytesOfPart } from '../../../core/objects/upload-parts.ts';
import type { PartReply, UploadReply } from '../../../protocol/schemas/objects.ts';
import { Inspector } from '../../../bench/runtime/inspector.ts';
import { startBroker, type Broker } from '../../../scripts/broker/broker.ts';
import { newDataFolder } from '../../support/broker/shared-broker.ts';

const MB = 1_000_000;
const OBJECT_BYTES = 100 * MB;
const HELD_MB_MAX = 32;

let broker: Broker;
let inspector: Inspector;
let dataPath: string;
/** A collection of garbage begins only when the worker runs. */
let awake: NodeJS.Timeout;
beforeAll(async () => {
  dataPath = await newDataFolder();
  broker = await startBroker({ dataPath, dashboard: false, inspectorPort: 0 });
  const poke = async (): Promise<unknown> => await (await fetch(`${broker.url}/healthz`)).text();
  awake = setInterval(() => void poke().catch(() => {}), 100);
  inspector = await Inspector.open(await broker.miniflare.getInspectorURL(), poke);
});
afterAll(async () => {
  clearInterval(awake);
  inspector.close();
  await broker.stop();
  await rm(dataPath, { recursive: true, force: true });
});

it('stays below 32 MB for 100 MB in and out, stopped in the middle', async () => {
  const url = `${broker.url}/v1/default/objects/forever.large`;
  const beforeMb = await inspector.heapMb();
  const piece = Buffer.alloc(MB, 7);
  const whole = createHash('sha256');

  const put = request(url, { method: 'PUT', headers: { 'content-length': OBJECT_BYTES } });
  const answered = once(put, 'response') as Promise<[IncomingMessage]>;
  let heldMb = 0;
  for (let sent = 0; sent < OBJECT_BYTES; sent += MB) {
    whole.update(piece);
    await write(put, piece);
    if (sent % (20 * MB) === 0) heldMb = Math.max(heldMb, (await inspector.heapMb()) - beforeMb);
  }
  put.end();
  const [stored] = await answered;
  expect(stored.statusCode).toBe(201);
  stored.resume();

  const get = request(url).end();
  const [reply] = (await once(get, 'response')) as [IncomingMessage];
  const read = createHash('sha256');
  let bytes = 0;
  let next = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    read.update(chunk);
    bytes += chunk.length;
    if (bytes < next) continue;
    next += 20 * MB;
    heldMb = Math.max(heldMb, (await inspector.heapMb()) - beforeMb);
  }
  expect(read.digest('hex')).toBe(whole.digest('hex'));
  console.log(`the isolate held ${heldMb.toFixed(1)} MB more than at rest, at most`);
  expect(heldMb).toBeLessThan(HELD_MB_MAX);
}, 60_000);

it('stays below 32 MB for 100 MB in parts, of which three come at a time, each with its digest', async () => {
  const url = `${broker.url}/v1/default/objects/forever.parts/uploads`;
  const post = async (path: string, body: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' };
    return await (
      await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    ).json();
  };
  const beforeMb = await inspector.heapMb();
  const begun = (await post('', { bytes: OBJECT_BYTES })) as UploadReply;
  const parts: PartReply[] = [];
  let heldMb = 0;
  let next = 1;
  const send = async (): Promise<void> => {
    while (next <= begun.parts) {
      const part = next++;
      const bytes = Buffer.alloc(bytesOfPart(OBJECT_BYTES, part), part);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const put = request(`${url}/${begun.upload}/parts/${part}?sha256=${sha256}`, {
        method: 'PUT',
        headers: { 'content-length': bytes.length },
      });
      const answered = once(put, 'response') as Promise<[IncomingMessage]>;
      for (let sent = 0; sent < bytes.length; sent += MB) {
        await write(put, bytes.subarray(sent, sent + MB));
        if (sent % (8 * MB) === 0) heldMb = Math.max(heldMb, (await inspector.heapMb()) - beforeMb);
      }
      put.end();
      const [stored] = await answered;
      expect(stored.statusCode).toBe(200);
      parts.push((await json(stored)) as PartReply);
    }
  };
  await Promise.all([send(), send(), send()]);
  expect(await post(`/${begun.upload}/complete`, { parts })).toMatchObject({ bytes: OBJECT_BYTES });
  console.log(`the isolate held ${heldMb.toFixed(1)} MB more than at rest, at most`);
  expect(heldMb).toBeLessThan(HELD_MB_MAX);
}, 60_000);

async function write(put: ClientRequest, piece: Buffer): Promise<void> {
  if (!put.write(piece)) await once(put, 'drain');
}
