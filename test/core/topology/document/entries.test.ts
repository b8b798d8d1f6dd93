import { expect, it } from 'vitest';
import { exportedEntry, presentEntry, wantedEntry } from '../../../../core/topology/document/entries.ts';
import { EXCHANGE_DEFAULTS } from '../../../../protocol/schemas/exchanges.ts';
import { TOPIC_DEFAULTS } from '../../../../protocol/schemas/topics.ts';

it('a setting that is left out has its default', () => {
  expect(wantedEntry('topic', { topic: 'a', partitions: 3 })).toEqual({ ...TOPIC_DEFAULTS, partitions: 3 });
  expect(wantedEntry('exchange', { exchange: 'a' })).toEqual(EXCHANGE_DEFAULTS);
  expect(wantedEntry('share_group', { share_group: 'a', topics: ['t'] })).toEqual({
    topics: ['t'],
    dead_letter: { queue: 'a.dlq' },
  });
});

it('a queue has of its own what a policy could set otherwise, and what is no default', () => {
  const given = {
    queue: 'a',
    lease_ms: 30_000,
    message_ttl_ms: null,
    max_length: 5,
    max_priority: 0,
    auto_delete: true,
  };
  expect(wantedEntry('queue', given)).toEqual({ lease_ms: 30_000, max_length: 5, auto_delete: true });
});

it('a secret is compared by itself, and never exported', () => {
  const webhook = { url: 'https://a.example', secret: 'whsec_a' };
  expect(wantedEntry('alert', { alert: 'a', webhook })).toEqual({
    webhook: { url: 'https://a.example' },
    secret: 'whsec_a',
  });
  expect(wantedEntry('alert', { alert: 'a', webhook: { url: 'u' } })).toEqual({ webhook: { url: 'u' } });
  const config = { source: { queue: 'q' } } as never;
  const entry = presentEntry.subscription({
    config,
    secret: 's',
    nextSecret: 'n',
    authorization: 'a',
  } as never);
  expect(exportedEntry('subscription', 'hook', entry)).toEqual({
    subscription: 'hook',
    source: { queue: 'q' },
  });
});
