/** Moves of messages between queues over HTTP and by the SDK. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Posthorn, type MoveProgress } from '../../../sdk/index.ts';
import type { ProblemDocument } from '../../../protocol/errors.ts';
import type { Move } from '../../../protocol/schemas/moves.ts';
import { LockedBroker, ROOT } from '../access/support.ts';

let locked: LockedBroker;
let posthorn: Posthorn;
beforeAll(async () => {
  locked = await LockedBroker.start();
  await locked.namespace('team');
  posthorn = new Posthorn({ url: locked.broker.url, namespace: 'team', token: ROOT });
});
afterAll(() => locked.broker.stop());

async function queuesOf(name: string): Promise<{ from: string; to: string }> {
  const [from, to] = [`${name}-from`, `${name}-to`];
  for (const queue of [from, to])
    await posthorn.queues.declare(queue, { retry: { scheduleMs: [3_600_000] }, maxPriority: 3 });
  return { from, to };
}

async function bodiesOf(queue: string): Promise<unknown[]> {
  const bodies: unknown[] = [];
  for await (const { message, state } of posthorn.queueMessages.list(queue))
    bodies.push([state, message.body]);
  return bodies;
}

const refusal = async (queue: string, body: object, token?: string): Promise<[number, string]> => {
  const reply = await locked.call<ProblemDocument>('POST', `/v1/team/queues/${queue}/move`, body, token);
  return [reply.status, reply.body.code];
};

describe('a move', () => {
  it('takes all that nobody has to another queue, as it was published', async () => {
    const { from, to } = await queuesOf('all');
    await using publisher = posthorn.publisher();
    const publish = (body: number, properties = {}) =>
      publisher.sendToQueue(from, { body, headers: { h: 'x' }, properties });
    await publish(1, { messageId: 'one', expirationMs: 3_600_000 });
    const [fails] = (
      await locked.call<{ deliveries: { delivery_tag: string }[] }>(
        'POST',
        `/v1/team/queues/${from}/deliveries`,
        {},
      )
    ).body.deliveries;
    await locked.call('POST', `/v1/team/queues/${from}/settlements`, {
      nack: [{ tag: fails!.delivery_tag }],
    });
    await publish(2);
    await locked.call('POST', `/v1/team/queues/${from}/deliveries`, {});
    for (let body = 3; body < 9; body++) await publish(body);
    await publish(10, { priority: 2 });
    await publish(11, { delayMs: 7_200_000 });
    const seen: MoveProgress[] = [];
    expect(await posthorn.queueMessages.moveDryRun(from, { to })).toEqual({ queue: from, wouldMove: 9 });
    const done = await posthorn.queueMessages.move(from, {
      to,
      onProgress: (progress) => seen.push(progress),
    });
    expect(done).toMatchObject({
      queue: from,
      to: { queue: to },
      state: 'done',
      moved: 9,
      skipped: 0,
      total: 10,
    });
    expect(seen.at(-1)).toEqual(done);
    await expect.poll(async () => (await bodiesOf(to)).length).toBe(9);
    expect(await bodiesOf(to)).toEqual([
      ['ready', 10],
      ...[3, 4, 5, 6, 7, 8, 1].map((body) => ['ready', body]),
      ['delayed', 11],
    ]);
    expect(await bodiesOf(from)).toEqual([['leased', 2]]);
    for await (const { message, ...held } of posthorn.queueMessages.list(to, { messageId: 'one' })) {
      expect(held).toMatchObject({ deliveryCount: 0, failedAttempts: 0 });
      expect(message).toMatchObject({ headers: { h: 'x' }, properties: { expirationMs: 3_600_000 } });
    }
    expect(await posthorn.queueMessages.moves(from)).toEqual([done]);
  });

  it('takes some: by id, by filter, by state, at most so many', async () => {
    const { from, to } = await queuesOf('some');
    await using publisher = posthorn.publisher();
    for (let body = 0; body < 6; body++)
      await publisher.sendToQueue(from, { body, properties: body < 3 ? { orderingKey: 'k' } : {} });
    const ids: string[] = [];
    for await (const { id, message } of posthorn.queueMessages.list(from))
      if (message.body === 4) ids.push(id);
    expect(await posthorn.queueMessages.move(from, { to, ids })).toMatchObject({ moved: 1, total: 1 });
    const filter = { orderingKey: 'k' };
    expect(await posthorn.queueMessages.move(from, { to, filter, limit: 2 })).toMatchObject({ moved: 2 });
    expect(await posthorn.queueMessages.move(from, { to, states: ['delayed'] })).toMatchObject({ moved: 0 });
    await expect.poll(async () => (await bodiesOf(to)).length).toBe(3);
    expect(await bodiesOf(from)).toEqual([2, 3, 5].map((body) => ['ready', body]));
  });

  it('at a rate can be looked at and cancelled, and is begun once', async () => {
    const { from, to } = await queuesOf('slow');
    await using publisher = posthorn.publisher();
    for (let body = 0; body < 5; body++) await publisher.sendToQueue(from, { body });
    const path = `/v1/team/queues/${from}`;
    const order = { to: { queue: to }, rate_per_s: 1, id: 'mine' };
    const begun = await locked.call<Move>('POST', `${path}/move`, order);
    expect([begun.status, begun.body]).toMatchObject([202, { id: 'mine', state: 'running', total: 5 }]);
    expect((await locked.call<Move>('POST', `${path}/move`, order)).body.started_at).toBe(
      begun.body.started_at,
    );
    await expect
      .poll(async () => (await locked.call<Move>('GET', `${path}/moves/mine`)).body.moved)
      .toBeGreaterThan(0);
    const cancelled = await posthorn.queueMessages.cancelMove(from, 'mine');
    expect(cancelled).toMatchObject({ state: 'cancelled', ratePerS: 1 });
    expect((await posthorn.queues.get(from)).state.ready).toBe(5 - cancelled.moved);
    for (const [method, id] of [
      ['GET', 'other'],
      ['DELETE', 'other'],
    ] as const)
      expect((await locked.call(method, `${path}/moves/${id}`)).body.code).toBe('move_not_found');
  });

  it('is refused where the target is missing, is the queue itself, or an id is not of the queue', async () => {
    const { from, to } = await queuesOf('wrong');
    expect(await refusal(from, { to: { queue: 'none' } })).toEqual([404, 'queue_not_found']);
    expect(await refusal(from, { to: { queue: from } })).toEqual([400, 'invalid_field']);
    expect(await refusal(from, { to: { queue: to }, ids: ['x'] })).toEqual([400, 'invalid_field']);
    expect(await refusal(from, { to: { queue: to }, states: ['leased'] })).toEqual([400, 'invalid_field']);
    expect(await refusal('none', { to: { queue: to } })).toEqual([404, 'queue_not_found']);
  });

  it('asks for operate and read on the queue, and write on the target', async () => {
    const { from, to } = await queuesOf('rights');
    const scope = (name: string, ...actions: ('read' | 'operate' | 'write')[]) => ({
      kind: 'queue' as const,
      name,
      actions,
    });
    const cases = [
      [[scope(from, 'operate', 'read')], 403],
      [[scope(from, 'operate'), scope(to, 'write')], 403],
      [[scope(from, 'read'), scope(to, 'write')], 403],
      [[scope(from, 'operate', 'read'), scope(to, 'write')], 202],
    ] as const;
    for (const [scopes, status] of cases) {
      const { token } = await locked.token('team', { scopes });
      expect((await refusal(from, { to: { queue: to } }, token))[0], JSON.stringify(scopes)).toBe(status);
    }
  });
});
