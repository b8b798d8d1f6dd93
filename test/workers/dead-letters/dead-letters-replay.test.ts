import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetter, DryRun, Replay } from '../../../protocol/schemas/dead-letters.ts';
import { QueueClient, tagsOf } from '../../support/clients/queue-client.ts';
import { TestBroker } from '../../support/broker/test-broker.ts';

let broker: TestBroker;
let queues: QueueClient;
beforeAll(async () => {
  broker = await TestBroker.start({ own: 'is restarted, and its clock is put forward' });
  queues = new QueueClient(broker);
});
afterAll(() => broker.stop());

const post = <Body>(path: string, body: object) =>
  broker.call<Body>('POST', `/v1/default/queues/${path}`, body);

async function replayed(queue: string, order: object): Promise<Replay> {
  const begun = await post<Replay>(`${queue}/dead-letters/replay`, order);
  expect(begun.status, JSON.stringify(begun.body)).toBe(202);
  return await queues.until(
    async () =>
      (await broker.call<Replay>('GET', `/v1/default/queues/${queue}/dead-letters/replays/${begun.body.id}`))
        .body,
    ({ state }) => state === 'done',
  );
}

describe('dead letters', () => {
  it('are listed by what is asked for, in pages', async () => {
    await queues.declare('many');
    await queues.kill(
      'many',
      [1, 2, 3].map((body) => ({ body })),
      { type: 'Bad' },
    );
    await queues.kill(
      'many',
      [4, 5].map((body) => ({ body, properties: { ordering_key: `k${body}` } })),
      { type: 'Worse' },
    );
    await queues.publish('many', [{ body: 6, properties: { expiration_ms: 1 } }]);
    await broker.advance(2_000);
    await queues.take('many');
    const all = await queues.deadLettersOnce('many', 6);
    const bodies = (letters: DeadLetter[]): unknown[] =>
      letters.map(({ original_message: { body } }) => body);
    expect(bodies(all)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(all[5]).toMatchObject({
      original_message: { properties: { expiration_ms: 1 } },
      error: { type: null, message: null, stack_trace: null },
      metadata: { reason: 'expired', retry_count: 0, first_attempt: null, consumer_id: null },
    });
    const asked = async (query: string) => bodies((await queues.deadLetters('many', query)).dead_letters);
    expect(await asked('reason=expired')).toEqual([6]);
    expect(await asked('error_type=Worse')).toEqual([4, 5]);
    expect(await asked('key=k5')).toEqual([5]);
    expect(await asked(`to=${all[5]!.metadata.died_at!}`)).toEqual([1, 2, 3, 4, 5]);
    expect(await asked(`from=${all[5]!.metadata.died_at!}&reason=rejected`)).toEqual([]);
    const first = await queues.deadLetters('many', 'limit=4');
    expect(bodies(first.dead_letters)).toEqual([1, 2, 3, 4]);
    const second = await queues.deadLetters('many', `limit=4&next=${first.next!}`);
    expect(bodies(second.dead_letters)).toEqual([5, 6]);
    expect(second.next).toBeUndefined();
    const response = await fetch(`${broker.url}/v1/default/queues/many/dead-letters/export?reason=rejected`);
    expect(response.headers.get('content-type')).toBe('application/jsonl');
    const lines = (await response.text()).trimEnd().split('\n');
    const exported = lines.map((line) => JSON.parse(line) as DeadLetter | { count: number });
    expect(exported).toEqual([...all.slice(0, 5), { count: 5 }]);
    const purged = await broker.call('DELETE', '/v1/default/queues/many/dead-letters?error_type=Bad');
    expect(purged.body).toEqual({ queue: 'many.dlq', purged: 3 });
    expect(bodies(await queues.deadLettersOnce('many', 3))).toEqual([4, 5, 6]);
  });

  it('are replayed all, with a fresh count and their history', async () => {
    await queues.declare('back', { retry: { schedule_ms: [] } });
    await queues.publish('back', [{ body: 1, properties: { expiration_ms: 60_000 } }]);
    const nack = tagsOf(await queues.take('back')).map((tag) => ({ tag }));
    await queues.settle('back', { nack });
    await queues.deadLettersOnce('back', 1);
    const dry = await post<DryRun>('back/dead-letters/replay', { dry_run: true });
    expect(dry).toMatchObject({ status: 200, body: { queue: 'back.dlq', would_replay: 1, would_skip: 0 } });
    expect(await replayed('back', {})).toMatchObject({ state: 'done', total: 1, moved: 1, skipped: 0 });
    const [delivery] = await queues.until(
      () => queues.take('back'),
      ({ length }) => length === 1,
    );
    expect(delivery).toMatchObject({ body: 1, delivery_count: 1, properties: { expiration_ms: 60_000 } });
    expect(delivery!.dead_letter).toBeUndefined();
    await queues.settle('back', { reject: [{ tag: delivery!.delivery_tag }] });
    const [letter] = await queues.deadLettersOnce('back', 1);
    expect(letter!.metadata).toMatchObject({
      retry_count: 0,
      history: [
        { queue: 'back', reason: 'rejected' },
        { queue: 'back.dlq', reason: 'replayed' },
        { queue: 'back', reason: 'delivery_limit' },
      ],
    });
    expect(await queues.state('back.dlq')).toMatchObject({ ready: 1, outgoing: 0 });
  });

  it('are replayed by id, by filter, in part, and elsewhere', async () => {
    await queues.declare('some');
    await queues.declare('elsewhere');
    await queues.kill(
      'some',
      [1, 2, 3, 4, 5, 6].map((body) => ({ body })),
    );
    const letters = await queues.deadLettersOnce('some', 6);
    const ids = [letters[4]!.id, letters[1]!.id];
    expect(await replayed('some', { ids, to: { queue: 'elsewhere' } })).toMatchObject({ moved: 2, total: 2 });
    const there = await queues.until(
      () => queues.take('elsewhere'),
      ({ length }) => length === 2,
    );
    expect(there.map(({ body }) => body)).toEqual([5, 2]);
    expect(await replayed('some', { limit: 3, filter: { reason: 'rejected' } })).toMatchObject({ moved: 3 });
    expect((await queues.deadLettersOnce('some', 1))[0]!.original_message.body).toBe(6);
    expect(
      await replayed('some', { to: { exchange: 'amq.default', routing_key: 'elsewhere' } }),
    ).toMatchObject({
      moved: 1,
    });
    const [last] = await queues.until(
      () => queues.take('elsewhere'),
      ({ length }) => length === 1,
    );
    expect(last!.body).toBe(6);
  });

  it('are replayed at a rate, by the alarm, across restarts, until it is cancelled', async () => {
    await queues.declare('slowly');
    await queues.kill(
      'slowly',
      Array.from({ length: 50 }, (_, body) => ({ body })),
    );
    await queues.deadLettersOnce('slowly', 50);
    const begun = await post<Replay>('slowly/dead-letters/replay', { rate_per_s: 5 });
    const path = `/v1/default/queues/slowly/dead-letters/replays/${begun.body.id}`;
    const progress = async (): Promise<Replay> => (await broker.call<Replay>('GET', path)).body;
    await queues.until(progress, ({ moved }) => moved >= 5);
    await broker.restart();
    queues = new QueueClient(broker);
    await queues.until(progress, ({ moved }) => moved >= 10);
    const cancelled = await broker.call<Replay>('DELETE', path);
    expect(cancelled.body).toMatchObject({ state: 'cancelled', total: 50 });
    const { moved } = cancelled.body;
    expect(moved).toBeLessThan(50);
    await broker.advance(10_000);
    expect((await progress()).moved).toBe(moved);
    await queues.until(
      () => queues.state('slowly'),
      ({ ready }) => ready === moved,
    );
    expect(await queues.state('slowly.dlq')).toMatchObject({ ready: 50 - moved, outgoing: 0 });
  });

  it('are changed and sent again', async () => {
    await queues.declare('fix');
    await queues.kill('fix', [
      { body: '{"n":', headers: { a: '1' }, properties: { message_id: 'm', type: 't' } },
    ]);
    const [letter] = await queues.deadLettersOnce('fix', 1);
    const sent = await post(`fix/dead-letters/${letter!.id}/resend`, { message: { body: { n: 3 } } });
    expect(sent.status).toBe(202);
    const [delivery] = await queues.until(
      () => queues.take('fix'),
      ({ length }) => length === 1,
    );
    expect(delivery).toMatchObject({
      body: { n: 3 },
      headers: { a: '1' },
      properties: { message_id: 'm', type: 't' },
      delivery_count: 1,
    });
    expect(await queues.deadLetters('fix')).toEqual({ queue: 'fix.dlq', dead_letters: [] });
  });

  it('are never the messages that are not dead', async () => {
    await queues.declare('alive');
    await queues.publish('alive', [{ body: 1 }, { body: 2 }]);
    const path = '/v1/default/queues/alive/dead-letters';
    expect(await queues.deadLetters('alive')).toEqual({ queue: 'alive', dead_letters: [] });
    expect((await broker.call('DELETE', path)).body).toEqual({ queue: 'alive', purged: 0 });
    expect((await broker.call('DELETE', `${path}?self=true`)).body).toEqual({ queue: 'alive', purged: 0 });
    expect(await replayed('alive', { to: { queue: 'elsewhere' } })).toMatchObject({ moved: 0 });
    expect(await queues.state('alive')).toMatchObject({ ready: 2 });
  });

  it('can be taken from their queue without being lost for it', async () => {
    await queues.declare('looked-at');
    await queues.kill('looked-at', [{ body: 1 }]);
    await queues.deadLettersOnce('looked-at', 1);
    for (let round = 0; round < 6; round++) {
      expect(await queues.take('looked-at.dlq')).toHaveLength(1);
      await broker.advance(30_001);
    }
    expect(await queues.deadLettersOnce('looked-at', 1)).toHaveLength(1);
  });

  it('are refused with a precise code', async () => {
    await queues.declare('precise');
    await queues.kill('precise', [{ body: 1 }]);
    const [letter] = await queues.deadLettersOnce('precise', 1);
    const base = '/v1/default/queues/precise/dead-letters';
    const cases: [string, string, object | undefined, number, string][] = [
      ['GET', '/v1/default/queues/none/dead-letters', undefined, 404, 'queue_not_found'],
      ['GET', `${base}?reason=tired`, undefined, 400, 'invalid_field'],
      ['GET', `${base}?from=yesterday`, undefined, 400, 'invalid_field'],
      ['GET', `${base}?limit=1000000`, undefined, 400, 'invalid_field'],
      ['GET', `${base}?next=abc`, undefined, 400, 'invalid_field'],
      ['GET', `${base}?colour=red`, undefined, 400, 'unknown_field'],
      ['GET', `${base}/nonsense`, undefined, 404, 'dead_letter_not_found'],
      ['GET', `${base}/${letter!.id}0`, undefined, 404, 'dead_letter_not_found'],
      ['DELETE', `${base}?reason=tired`, undefined, 400, 'invalid_field'],
      ['GET', `${base}/export?reason=tired`, undefined, 400, 'invalid_field'],
      ['POST', `${base}/replay`, { ids: ['x'] }, 400, 'invalid_field'],
      ['POST', `${base}/replay`, { ids: [] }, 400, 'invalid_field'],
      ['POST', `${base}/replay`, { rate_per_s: 0 }, 400, 'invalid_field'],
      ['POST', `${base}/replay`, { to: { queue: 'none' } }, 404, 'queue_not_found'],
      ['POST', `${base}/replay`, { to: { exchange: 'none' } }, 404, 'exchange_not_found'],
      ['POST', `${base}/replay`, { colour: 'red' }, 400, 'unknown_field'],
      ['GET', `${base}/replays/none`, undefined, 404, 'replay_not_found'],
      ['DELETE', `${base}/replays/none`, undefined, 404, 'replay_not_found'],
      ['POST', `${base}/${letter!.id}/resend`, { to: { queue: 'none' } }, 404, 'queue_not_found'],
      ['POST', `${base}/nonsense/resend`, {}, 404, 'dead_letter_not_found'],
      [
        'POST',
        `${base}/${letter!.id}/resend`,
        { message: { body: { $base64: '?' } } },
        400,
        'invalid_message',
      ],
    ];
    for (const [method, path, body, status, code] of cases) {
      const reply = await broker.call(method, path, body);
      expect([reply.status, reply.body.code], `${method} ${path} ${JSON.stringify(body)}`).toEqual([
        status,
        code,
      ]);
    }
    expect(await queues.deadLettersOnce('precise', 1)).toEqual([letter]);
  });
});
