/** Two teams on one deployment: each with its own tokens, one of which leaks and is revoked while both teams work. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TokenMade } from '../../../protocol/schemas/tokens.ts';
import { bearer, LockedBroker, type Team } from './support.ts';

const TEAMS = ['blue', 'green'] as const;

interface Deliveries {
  deliveries: { delivery_tag: string; body: unknown }[];
}

interface Letters {
  dead_letters: { id: string; metadata: { original_queue: string } }[];
}

let locked: LockedBroker;
const teams = new Map<string, Team>();
const teamOf = (name: string): Team => teams.get(name)!;

beforeAll(async () => {
  locked = await LockedBroker.start();
  for (const name of TEAMS) teams.set(name, await locked.team(name));
});
afterAll(() => locked.broker.stop());

/** The queue has the same name in both teams. */
const QUEUE = 'mails';

const publish = (team: string, credential: string, body: unknown) =>
  locked.call('POST', `/v1/${team}/queues/${QUEUE}/messages`, { messages: [{ body }] }, credential);

const take = (team: string, credential: string) =>
  locked.call<Deliveries & { code?: string }>(
    'POST',
    `/v1/${team}/queues/${QUEUE}/deliveries`,
    { max: 100, auto_ack: true },
    credential,
  );

describe('two teams', () => {
  it('make the tokens of their programs, and have queues of the same name', async () => {
    for (const name of TEAMS) {
      const { admin, producer, consumer } = teamOf(name);
      expect((await locked.call('PUT', `/v1/${name}/queues/${QUEUE}`, {}, admin.token)).status).toBe(201);
      expect((await publish(name, producer.token, name)).status).toBe(200);
      expect((await publish(name, consumer.token, name)).body.code).toBe('forbidden');
      expect((await take(name, producer.token)).body.code).toBe('forbidden');
      expect((await take(name, consumer.token)).body.deliveries.map(({ body }) => body)).toEqual([name]);
    }
  });

  it('learn nothing of each other: what is there and what is not is refused alike', async () => {
    const { admin } = teamOf('blue');
    for (const path of [`queues/${QUEUE}`, 'queues/none', 'topics', 'limits']) {
      const { status, body } = await locked.call('GET', `/v1/green/${path}`, undefined, admin.token);
      expect([status, body.code, body.detail]).toEqual([
        403,
        'forbidden',
        'the credential is good for namespace "blue" only',
      ]);
    }
    const nowhere = await locked.call('GET', '/v1/nobody/queues', undefined, admin.token);
    expect([nowhere.status, nowhere.body.code]).toEqual([403, 'forbidden']);
    const other = teamOf('green').producer.id;
    const hidden = await locked.call('GET', `/admin/v1/tokens/${other}`, undefined, admin.token);
    expect([hidden.status, hidden.body.code]).toEqual([404, 'token_not_found']);
  });

  it('go on while a token that leaked is revoked', async () => {
    const { admin, producer, consumer } = teamOf('blue');
    const leaked = producer;
    const program = await locked.token('blue', { roles: ['producer'] }, admin.token);
    const sent = { leaked: [] as number[], program: [] as number[], green: [] as number[] };
    let isStopped = false;
    const work = async (team: string, { token }: TokenMade, statuses: number[]): Promise<void> => {
      while (!isStopped) statuses.push((await publish(team, token, statuses.length)).status);
    };
    const working = [
      work('blue', leaked, sent.leaked),
      work('blue', program, sent.program),
      work('green', teamOf('green').producer, sent.green),
    ];
    while (sent.leaked.length < 10) await publish('blue', program.token, 'between');
    const revoked = await locked.call('DELETE', `/admin/v1/tokens/${leaked.id}`, undefined, admin.token);
    expect(revoked.status).toBe(200);
    const after = sent.leaked.length;
    while (sent.leaked.length < after + 10) await publish('blue', program.token, 'between');
    isStopped = true;
    await Promise.all(working);
    // One call may have been under way.
    expect(new Set(sent.leaked.slice(after + 1))).toEqual(new Set([401]));
    expect(new Set(sent.program)).toEqual(new Set([200]));
    expect(new Set(sent.green)).toEqual(new Set([200]));
    expect((await take('blue', consumer.token)).status).toBe(200);
  });
});

describe('a replay without a target', () => {
  it('needs the right to operate on the queue that the letters go back to', async () => {
    const { admin } = teamOf('blue');
    const declare = (queue: string, declaration: object) =>
      locked.call('PUT', `/v1/blue/queues/${queue}`, declaration, admin.token);
    await declare('graves', {});
    await declare('orders', { dead_letter: { queue: 'graves' } });
    const { token } = await locked.token(
      'blue',
      { scopes: [{ kind: 'queue', name: 'graves', actions: ['read', 'write', 'operate'] }] },
      admin.token,
    );
    const replay = (query: string, body: object) =>
      locked.call('POST', `/v1/blue/queues/graves/dead-letters/replay${query}`, body, token);
    expect((await replay('?self=true', {})).body).toMatchObject({
      code: 'forbidden',
      needs: 'queue:*:operate',
    });
    const named = await replay('?self=true', { filter: { original_queue: 'orders' } });
    expect(named.body).toMatchObject({ code: 'forbidden', needs: 'queue:orders:operate' });
    expect((await replay('?self=true', { to: { queue: 'graves' } })).status).toBe(202);
  });

  it('sends back only what died first in a queue that the token may operate on, whatever ids and filters say', async () => {
    const { admin } = teamOf('blue');
    const call = <Body>(method: string, path: string, body?: object, credential = admin.token) =>
      locked.call<Body>(method, `/v1/blue/queues/${path}`, body, credential);
    await call('PUT', 'own', {});
    await call('PUT', 'foreign', { dead_letter: { queue: 'own.dlq' } });
    await call('PUT', 'own.dlq', {});
    for (const queue of ['own', 'foreign']) {
      await call('POST', `${queue}/messages`, { messages: [{ body: queue }] });
      const taken = await call<Deliveries>('POST', `${queue}/deliveries`, { max: 1 });
      const reject = taken.body.deliveries.map(({ delivery_tag: tag }) => ({ tag }));
      expect((await call('POST', `${queue}/settlements`, { reject })).status).toBe(200);
    }
    const letters = async (): Promise<Letters['dead_letters']> =>
      (await call<Letters>('GET', 'own.dlq/dead-letters?self=true')).body.dead_letters;
    await vi.waitFor(async () => expect(await letters()).toHaveLength(2), 10_000);
    const { token } = await locked.token(
      'blue',
      { scopes: [{ kind: 'queue', name: 'own', actions: ['read', 'write', 'operate'] }] },
      admin.token,
    );
    const ids = (await letters()).map(({ id }) => id);
    for (const order of [{}, { ids }, { filter: { original_queue: 'own' } }])
      expect(
        (await call('POST', 'own/dead-letters/replay', { ...order, dry_run: true }, token)).body,
      ).toMatchObject({ would_replay: 1 });
    // It may act on `own` alone, so of the shared queue it reaches only what died there.
    const own = ids[(await letters()).findIndex(({ metadata }) => metadata.original_queue === 'own')]!;
    const other = ids.find((id) => id !== own)!;
    const seen = await call<Letters>('GET', 'own/dead-letters', undefined, token);
    expect(seen.body.dead_letters.map(({ id }) => id)).toEqual([own]);
    const exported = await fetch(`${locked.broker.url}/v1/blue/queues/own/dead-letters/export`, {
      headers: bearer(token),
    });
    expect(await exported.text()).toContain('{"count":1}');
    const code = async (method: string, path: string, body?: object) =>
      (await call<{ code?: string }>(method, `own/dead-letters/${path}`, body, token)).body.code;
    expect(await code('GET', other)).toBe('dead_letter_not_found');
    expect(await code('POST', `${other}/resend`, { to: { queue: 'own' } })).toBe('dead_letter_not_found');
    const asked = await call<{ code?: string }>(
      'GET',
      'own/dead-letters?original_queue=foreign',
      undefined,
      token,
    );
    expect(asked.body.code).toBe('forbidden');
    const stolen = { ids: [other], to: { queue: 'own' }, dry_run: true };
    expect((await call('POST', 'own/dead-letters/replay', stolen, token)).body).toMatchObject({
      would_replay: 0,
    });
    const all = { id: 'of-the-admin', filter: { reason: 'expired' } };
    expect((await call('POST', 'own/dead-letters/replay', all)).status).toBe(202);
    expect((await call('GET', 'own/dead-letters/replays', undefined, token)).body).toEqual({ replays: [] });
    for (const method of ['GET', 'DELETE'])
      expect(await code(method, 'replays/of-the-admin')).toBe('replay_not_found');
    expect(await code('POST', 'replay', { id: 'of-the-admin' })).toBe('invalid_field');
    const foreign = await call<{ needs: string }>(
      'POST',
      'own/dead-letters/replay',
      { filter: { original_queue: 'foreign' } },
      token,
    );
    expect(foreign.body.needs).toBe('queue:foreign:operate');
    expect((await call('POST', 'own/dead-letters/replay', { ids }, token)).status).toBe(202);
    const left = async () => (await letters()).map(({ metadata }) => metadata.original_queue);
    await vi.waitFor(async () => expect(await left()).toEqual(['foreign']), 10_000);
  });
});
