import { expect, it } from 'vitest';
import { pushWindow, withRequest } from '../../../core/subscription/push-window.ts';
import { subscriptionDeclarationSchema } from '../../../protocol/schemas/subscriptions.ts';

const config = (fields: object = {}) =>
  subscriptionDeclarationSchema.parse({
    source: { queue: 'q' },
    target: { url: 'https://example.com/' },
    concurrency: 10,
    ...fields,
  });

it('holds four rounds before anything is known of the endpoint', () => {
  expect(pushWindow(config(), null)).toBe(40);
});

it('holds many for a quick endpoint, and two rounds for a slow one', () => {
  expect(pushWindow(config(), 5)).toBe(610);
  expect(pushWindow(config(), 100)).toBe(40);
  expect(pushWindow(config(), 10_000)).toBe(20);
});

it('holds no more than the most, and one batch at least', () => {
  expect(pushWindow(config({ batch_messages: 1_000 }), 1)).toBe(2_000);
  expect(pushWindow(config({ rate_per_s: 1 }), 1)).toBe(5);
  expect(pushWindow(config({ rate_per_s: 0.1, batch_messages: 20 }), 1)).toBe(20);
});

it('learns how long a request takes', () => {
  expect(withRequest(null, 50)).toBe(50);
  expect(withRequest(100, 0)).toBe(90);
});
