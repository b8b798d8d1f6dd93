/** Objects that do not answer: the caller is told that, and may try again; a 500 is said of bugs only. */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Env } from '../../../durable-objects/env.ts';
import { errorTable, type ProblemDocument } from '../../../protocol/errors.ts';
import { createApp } from '../../../workers/app.ts';
import { randomFrom } from '../../crash/random.ts';
import { Knowledge } from '../../fuzz/values/knowledge.ts';
import { drawRequest, KNOWN } from '../../fuzz/requests/requests.ts';
import { SEED } from '../../support/seed.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

const REQUESTS = 3_000;

/** Every call of any object fails so. */
function envOf(error: () => Error): Env {
  const stub = new Proxy({}, { get: () => () => Promise.reject(error()) });
  const objects = {
    getByName: () => stub,
    get: () => stub,
    idFromName: (name: string) => name,
    idFromString: (id: string) => id,
    newUniqueId: () => 'new',
    jurisdiction: () => objects,
  };
  return new Proxy(
    {},
    {
      get: (_, name) => {
        if (name === 'POSTHORN_ANONYMOUS') return 'loopback'; // it gets past the lock without a credential
        return /^[A-Z_]+$/.test(String(name)) && !String(name).startsWith('POSTHORN') ? objects : undefined;
      },
    },
  ) as Env;
}

const marked = (message: string, marks: object) => (): Error => Object.assign(new Error(message), marks);

/** As the platform throws them. */
const FAILURES = {
  'cannot be reached': marked('Network connection lost.', { retryable: true }),
  'is reset': marked('The storage operation timed out.', { durableObjectReset: true }),
  'is overloaded': marked('Too many requests are queued.', { overloaded: true }),
  throws: marked('the storage failed', { remote: true }),
};

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}));
afterEach(() => vi.restoreAllMocks());

const listTopics = (error: () => Error): Response | Promise<Response> =>
  createApp().request('/v1/default/topics', {}, envOf(error));

describe('where an object', () => {
  it.each(Object.entries(FAILURES))(
    '%s, no request is answered by a 500',
    async (_, error) => {
      const random = randomFrom(SEED);
      const knowledge = new Knowledge();
      const [app, env] = [createApp(), envOf(error)];
      const unavailable = new Set<string>();
      for (let number = 0; number < REQUESTS; number++) {
        const { operation, path, ...init } = await drawRequest(random, knowledge);
        const response = await app.request(path, init as RequestInit, env);
        const said = `SEED=${SEED}, request ${number}: ${init.method} ${path} is answered by ${response.status}`;
        if (response.status < 500) continue;
        const { code, retryable, status } = (await response.json()) as ProblemDocument;
        expect({ code, status, retryable }, said).toEqual({ code, ...pickOf(code) });
        expect(code, said).not.toBe('internal_error');
        expect(status, said).toBe(503);
        unavailable.add(operation);
      }
      // Nearly all of them ask an object; of some the drawn requests are seldom right.
      expect(unavailable.size).toBeGreaterThan(KNOWN.length * 0.7);
    },
    180_000,
  );

  it.each([
    ['cannot be reached', '1'],
    ['is reset', '1'],
    ['throws', '1'],
    ['is overloaded', '5'],
  ] as const)('%s, the reply says when to try again', async (which, seconds) => {
    const response = await listTopics(FAILURES[which]);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe(seconds);
    expect(await response.json()).toMatchObject({
      code: 'unavailable',
      retryable: true,
      retry_after_s: Number(seconds),
    });
  });

  it('is not to blame, the reply is a 500', async () => {
    const response = await listTopics(() => new TypeError('a bug of the router'));
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: 'internal_error' });
  });
});

function pickOf(code: ProblemDocument['code']): { status: number; retryable: boolean } {
  const { status, retryable } = errorTable[code];
  return { status, retryable };
}

describe('in the real runtime, where the topology', () => {
  let broker: TestBroker;
  beforeAll(async () => void (broker = await TestBroker.start({ own: 'its topology fails' })));
  afterAll(() => broker.stop());

  it.each(['throws', 'is reset'])('%s, the reply is a 503', async (how) => {
    await fetch(`${broker.url}/test/topology-failure?how=${how}`);
    const { status, headers, body } = await broker.call('GET', '/v1/default/topics');
    await fetch(`${broker.url}/test/topology-failure`);
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' });
    expect(headers.get('retry-after')).toBe('1');
    expect((await broker.call('GET', '/v1/default/topics')).status).toBe(200);
  });
});
