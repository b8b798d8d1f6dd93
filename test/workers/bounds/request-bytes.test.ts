/** Bodies that do not fit into what one isolate may hold: refused before they are read, and the connection goes on. */

import { Agent, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RawClient } from '../../support/clients/raw-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const BYTES_MAX = 1_000_000;
const RECORDS = '/v1/default/topics/bounds/records';
const SMALL = JSON.stringify({ records: [{ value: 1 }] });
const LARGE = JSON.stringify({ records: [{ value: 'x'.repeat(400_000) }, { value: 'x'.repeat(400_000) }] });

let broker: TestBroker;
beforeAll(async () => {
  broker = await TestBroker.start({ vars: { POSTHORN_BODY_BYTES_MAX: String(BYTES_MAX) } });
  await broker.declare('bounds', { partitions: 2 });
});
afterAll(() => broker.stop());

interface Answer {
  status: number;
  code: string | undefined;
  retryAfter: string | undefined;
  isReused: boolean;
}

function post(agent: Agent, body: string, isChunked = false): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const length = isChunked ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const sent = request(`${broker.url}${RECORDS}`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', ...length },
  });
  sent.on('error', reject);
  sent.on('response', (response) => {
    let text = '';
    response.on('data', (piece: Buffer) => (text += piece.toString()));
    response.on('error', reject);
    response.on('end', () =>
      resolve({
        status: response.statusCode!,
        code: (JSON.parse(text) as { code?: string }).code,
        retryAfter: response.headers['retry-after'],
        isReused: sent.reusedSocket,
      }),
    );
  });
  for (let at = 0; at < body.length; at += 65_536) sent.write(body.slice(at, at + 65_536));
  sent.end();
  return promise;
}

/** Somebody who has said how much will come, and sends nothing of it. */
async function holdRoom(): Promise<() => Promise<void>> {
  const held = request(`${broker.url}${RECORDS}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': String(BYTES_MAX) },
  });
  const closed = new Promise<void>((resolve) => held.on('close', resolve));
  held.on('error', () => {});
  held.write('{');
  for (;;) {
    const agent = new Agent();
    const { status } = await post(agent, LARGE);
    agent.destroy();
    if (status === 429) break;
  }
  return async () => {
    held.destroy();
    await closed;
  };
}

describe('while the bytes of others fill the isolate', () => {
  it.each([false, true])(
    'a large body is refused, small ones are stored, on one connection (chunked: %s)',
    async (isChunked) => {
      const release = await holdRoom();
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      expect(await post(agent, SMALL)).toMatchObject({ status: 200 });
      const refused = await post(agent, LARGE, isChunked);
      expect(refused).toMatchObject({ status: 429, code: 'overloaded', isReused: true });
      expect(Number(refused.retryAfter)).toBeGreaterThan(0);
      expect(await post(agent, SMALL)).toMatchObject({ status: 200, isReused: true });
      const fetched = await broker.call('POST', RECORDS, LARGE, { 'content-type': 'application/json' });
      expect([fetched.status, fetched.body.code]).toEqual([429, 'overloaded']);
      await release();
      for (;;) {
        const { status } = await post(agent, LARGE, isChunked);
        if (status === 200) break; // the room comes back when the runtime sees that the connection has ended
        expect(status).toBe(429);
      }
      agent.destroy();
    },
  );

  it.each(['reset', 'vanish'] as const)(
    'clients that %s while they send give their room back',
    async (end) => {
      const length = String(BYTES_MAX);
      const clients = await Promise.all(
        Array.from({ length: 20 }, () =>
          RawClient.send(broker.url, 'POST', RECORDS, {}, { 'content-length': length }),
        ),
      );
      for (const client of clients) client[end]();
      const agent = new Agent({ keepAlive: true });
      try {
        await expect.poll(async () => (await post(agent, LARGE)).status, { timeout: 20_000 }).toBe(200);
      } finally {
        agent.destroy();
      }
    },
  );

  it.each([false, true])(
    'many clients with large bodies are all answered, stored or told when to come again (chunked: %s)',
    async (isChunked) => {
      const agent = new Agent({ keepAlive: true });
      const large = Array.from({ length: 40 }, () => post(agent, LARGE, isChunked));
      const small = post(agent, SMALL);
      const first = await Promise.race([
        small.then(() => 'small'),
        Promise.all(large).then(() => 'all large'),
      ]);
      expect([first, (await small).status]).toEqual(['small', 200]);
      const answers = await Promise.all(large);
      for (const { status, retryAfter } of answers) {
        if (status !== 200) expect([status, Number(retryAfter) > 0]).toEqual([429, true]);
      }
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
      expect(await post(agent, LARGE)).toMatchObject({ status: 200 });
      agent.destroy();
    },
  );
});

describe('a health check', () => {
  it('says whether the broker can write, with at most one row a second', async () => {
    const checks = await Promise.all(
      Array.from({ length: 20 }, () =>
        broker.call<{ status: string; written_at: number }>('GET', '/healthz?deep=true'),
      ),
    );
    expect(new Set(checks.map(({ status, body }) => `${status} ${body.status}`))).toEqual(
      new Set(['200 ok']),
    );
    expect(new Set(checks.map(({ body }) => body.written_at)).size).toBeLessThanOrEqual(2);
  });
});
