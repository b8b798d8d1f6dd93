import { describe, expect, it } from 'vitest';
import { brokerForTests, errorOf } from './harness.ts';

const broker = brokerForTests();

describe('alerts', () => {
  it('are put, read, listed and deleted', async () => {
    const { alerts, queues } = broker.client();
    const declaration = {
      pattern: 'mails*',
      metric: 'oldest_age_ms',
      threshold: 60_000,
      webhook: { url: 'http://127.0.0.1:9/hook' },
    } as const;
    const { webhook, ...put } = await alerts.put('old-mails', declaration);
    expect(put).toMatchObject({ alert: 'old-mails', pattern: 'mails*', metric: 'oldest_age_ms', forMs: 0 });
    expect(webhook.secret).toMatch(/^whsec_/);
    expect((await alerts.get('old-mails')).webhook).toEqual(declaration.webhook);
    expect((await alerts.list()).map(({ alert }) => alert)).toEqual(['old-mails']);
    await queues.declare('mails-in');
    const [seen] = (await queues.get('mails-in')).state.alerts;
    expect(seen).toEqual({ alert: 'old-mails', state: 'ok', since: null, undelivered: 0 });
    await alerts.delete('old-mails');
    expect((await errorOf(alerts.get('old-mails'))).code).toBe('alert_not_found');
  });
});

describe('schedules', () => {
  it('are put, read, listed, paused, triggered and deleted, with a body that stays as it is', async () => {
    const { schedules, queues } = broker.client();
    await queues.declare('reports');
    const message = {
      body: { report_kind: 'daily', nestedKey: [1] },
      headers: { my_header: 'x' },
      properties: { contentType: 'application/json', priority: 0 },
    };
    const put = await schedules.put('report', {
      cron: '@daily',
      timeZone: 'Europe/Berlin',
      target: { queue: 'reports' },
      message,
    });
    expect(put).toMatchObject({
      schedule: 'report',
      catchUp: 'once',
      endsAt: null,
      isPaused: false,
      message,
    });
    const { state, ...read } = await schedules.get('report');
    expect(read).toEqual({ ...put, topologyVersion: read.topologyVersion });
    expect(state.next).toBeGreaterThan(Date.now());
    expect((await schedules.list()).map(({ message: listed }) => listed)).toEqual([message]);
    expect((await schedules.pause('report')).isPaused).toBe(true);
    expect((await schedules.resume('report')).isPaused).toBe(false);
    const { messageId, outcome } = await schedules.trigger('report');
    expect(outcome).toBe('published');
    const [peeked] = await queues.peek('reports');
    expect(peeked).toMatchObject({ body: message.body, properties: { messageId } });
    await schedules.delete('report');
    expect((await errorOf(schedules.get('report'))).code).toBe('schedule_not_found');
  });

  it('say what is wrong with them', async () => {
    const { schedules } = broker.client();
    const put = (cron: string) =>
      errorOf(schedules.put('wrong', { cron, target: { queue: 'reports' }, message: { body: null } }));
    expect(await put('often')).toMatchObject({ code: 'invalid_field', retryable: false });
    expect((await errorOf(schedules.get('..'))).code).toBe('invalid_argument');
  });
});

describe('hooks', () => {
  it('are put, read, listed and deleted', async () => {
    const { hooks, queues } = broker.client();
    await queues.declare('hooked', { dedupWindowMs: 60_000 });
    const signature = { header: 'x-sig', idHeader: 'x-id', signed: '{id}.{body}' };
    const secret = 'a good secret';
    const put = await hooks.put('shop', { target: { queue: 'hooked' }, scheme: 'hmac', signature, secret });
    expect(put).toMatchObject({
      hasNextSecret: false,
      toleranceS: 300,
      path: expect.stringMatching(/hooks\/shop$/),
    });
    expect(await hooks.get('shop')).toMatchObject({ signature: { idHeader: 'x-id', encoding: 'hex' } });
    expect((await hooks.list()).map(({ hook }) => hook)).toEqual(['shop']);
    await hooks.delete('shop');
    expect((await errorOf(hooks.get('shop'))).code).toBe('hook_not_found');
  });
});

describe('subscriptions', () => {
  it('are put, read, listed, paused, tested and deleted, with headers that stay as they are', async () => {
    const { subscriptions, queues } = broker.client();
    await queues.declare('to-push');
    const declaration = {
      source: { queue: 'to-push' },
      target: { url: 'http://127.0.0.1:9/hook' },
      batchMessages: 5,
      replyTimeoutMs: 300,
      headers: { x_my_header: 'x' },
      authorization: 'Bearer a',
    };
    const put = await subscriptions.put('push', declaration);
    expect(put).toMatchObject({ batchMessages: 5, concurrency: 10, headers: { x_my_header: 'x' } });
    expect(put.secret).toMatch(/^whsec_/);
    const { state, ...got } = await subscriptions.get('push');
    expect(got).toMatchObject({ hasAuthorization: true, isPaused: false, pauseReason: null });
    expect(got).not.toHaveProperty('secret');
    expect(state).toMatchObject({ breaker: 'closed', inFlight: 0, held: 0 });
    expect((await subscriptions.list()).map(({ subscription }) => subscription)).toEqual(['push']);
    expect(await subscriptions.pause('push')).toMatchObject({ isPaused: true, pauseReason: 'asked' });
    expect(await subscriptions.test('push')).toMatchObject({ status: null, outcome: 'failed' });
    expect(await subscriptions.attempts('push', { onlyFailed: true, limit: 5 })).toHaveLength(1);
    expect((await subscriptions.resume('push')).isPaused).toBe(false);
    await subscriptions.delete('push');
    expect((await errorOf(subscriptions.get('push'))).code).toBe('subscription_not_found');
  });
});
