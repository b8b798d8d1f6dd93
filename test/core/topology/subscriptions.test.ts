import { describe, expect, it } from 'vitest';
import {
  credentialProblem,
  declareSubscription,
  pauseSubscription,
  queueSubscriptionOf,
  withSubscription,
} from '../../../core/topology/subscriptions.ts';
import type { QueueDefinition } from '../../../core/topology/queues/queues.ts';
import { QUEUE_DEFAULTS } from '../../../protocol/schemas/queues.ts';
import { subscriptionDeclarationSchema } from '../../../protocol/schemas/subscriptions.ts';

const declaration = (fields: object = {}) => ({
  ...subscriptionDeclarationSchema.parse({
    source: { queue: 'orders' },
    target: { url: 'https://example.com/' },
    ...fields,
  }),
  source: { queue: 'orders' },
});
const declare = (fields: object = {}, existing: ReturnType<typeof made> | null = null, version = 7) =>
  declareSubscription(existing, 'shop', 'push', declaration(fields), null, version, 'new secret');
const made = (fields: object = {}) =>
  declareSubscription(null, 'shop', 'push', declaration(fields), null, 7, 'new secret').definition;

describe('a declaration', () => {
  it('makes a subscription with a secret of its own', () => {
    const { definition, madeSecret } = declare();
    expect(definition).toMatchObject({ id: 7, version: 7, secret: 'new secret', pauseReason: null });
    expect(definition.config).not.toHaveProperty('secret');
    expect(madeSecret).toBe(true);
  });

  it('changes nothing if it says the same', () => {
    const existing = made();
    expect(declare({}, existing, 9)).toEqual({ definition: existing, madeSecret: true });
    expect(declare({}, existing, 9).definition).toBe(existing);
  });

  it('keeps the secrets that it leaves out, and removes those that it says are null', () => {
    const existing = made({ authorization: 'Bearer a', next_secret: `whsec_${'A'.repeat(32)}` });
    const kept = declare({ concurrency: 3 }, existing, 9).definition;
    expect(kept).toMatchObject({ id: 7, version: 9, authorization: 'Bearer a', secret: 'new secret' });
    const without = declare({ authorization: null, next_secret: null }, existing, 9).definition;
    expect(without).toMatchObject({ authorization: null, nextSecret: null });
  });

  const url = (text: string): object => ({ target: { url: text } });
  const oauth = { token_url: 'https://id.example.com/', client_id: 'a', client_secret: 'b' };
  it.each([
    ['authorization', url('https://example.org/'), { authorization: 'Bearer a' }],
    ['authorization', url('https://example.com:8443/'), { authorization: 'Bearer a', oauth: null }],
    ['authorization', url('http://example.com/'), { authorization: 'Bearer a' }],
    ['oauth', url('https://example.org/'), { oauth }],
    [
      'oauth',
      { ...url('https://example.org/'), authorization: 'Bearer b' },
      { authorization: 'Bearer a', oauth },
    ],
    ['authorization', url('https://example.com/'), { authorization: 'Bearer a', target: { queue: 'q' } }],
    [null, url('https://example.com:443/other'), { authorization: 'Bearer a', oauth }],
    [null, { target: { queue: 'q' } }, { authorization: 'Bearer a' }],
    [null, { ...url('https://example.org/'), authorization: null }, { authorization: 'Bearer a' }],
    [null, { ...url('https://example.org/'), oauth }, { oauth }],
    [null, url('https://example.org/'), {}],
  ])('keeps credentials for the server that they were given for (%s): %j', (field, fields, before) => {
    const problem = credentialProblem(made(before), declaration(fields));
    expect(problem && [problem.code, problem.message.split(':')[0]]).toEqual(
      field && ['invalid_field', `body ${field}`],
    );
    expect(credentialProblem(null, declaration(fields))).toBeNull();
  });

  it('leaves a paused subscription paused', () => {
    const paused = pauseSubscription(made(), 'asked', 8);
    expect(declare({ concurrency: 3 }, paused, 9).definition.pauseReason).toBe('asked');
  });
});

it('a pause changes nothing twice, and each resumption is known as one', () => {
  const paused = pauseSubscription(made(), 'gone', 8);
  expect(pauseSubscription(paused, 'gone', 9)).toBe(paused);
  const resumed = pauseSubscription(paused, null, 9);
  expect(resumed).toMatchObject({ pauseReason: null, resumes: 1, version: 9 });
  expect(pauseSubscription(resumed, null, 10).resumes).toBe(2);
});

describe('what a queue keeps', () => {
  const queue: QueueDefinition = {
    namespace: 'shop',
    name: 'orders',
    id: 1,
    version: 1,
    config: QUEUE_DEFAULTS,
  };

  it('is how many messages a subscription may hold, and for how long', () => {
    const { window, leaseMs } = queueSubscriptionOf(made());
    expect(window).toBe(40);
    expect(leaseMs).toBe(30_000);
  });

  it('comes and goes with the subscription', () => {
    const own = queueSubscriptionOf(made());
    const fed = withSubscription(queue, 'push', own, 3);
    expect(fed).toMatchObject({ version: 3, subscriptions: [{ name: 'push', id: 7 }] });
    expect(withSubscription(fed, 'push', own, 4)).toBe(fed);
    expect(withSubscription(fed, 'push', null, 4).subscriptions).toEqual([]);
    expect(withSubscription(queue, 'push', null, 4)).toBe(queue);
  });
});
