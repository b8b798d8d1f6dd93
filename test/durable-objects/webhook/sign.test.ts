import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newWebhookSecret, signedHeaders } from '../../../durable-objects/webhook/sign.ts';
import { webhookSchema } from '../../../protocol/schemas/webhooks.ts';

describe('a signature', () => {
  it('is that of the specification, by its own example', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const headers = await signedHeaders(
      secret,
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}',
    );
    expect(headers).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('covers the bytes of the body as they are sent', async () => {
    const secret = newWebhookSecret();
    const key = Buffer.from(secret.slice(6), 'base64');
    expect(key).toHaveLength(32);
    const mac = createHmac('sha256', key).update('id.7.{"name":"Žluťoučký 🐎"}').digest('base64');
    const headers = await signedHeaders(secret, 'id', 7, '{"name":"Žluťoučký 🐎"}');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
  });

  it.each([
    ['whsec_' + 'A'.repeat(32), true],
    ['whsec_' + 'A'.repeat(31) + '=', false],
    ['whsec_' + 'A'.repeat(88), false],
    ['A'.repeat(32), false],
    ['whsec_', false],
    ['whsec_' + '*'.repeat(32), false],
  ])('is made with a secret of 24 to 64 bytes: %s %s', (secret, isOne) => {
    expect(webhookSchema.safeParse({ url: 'https://example.com', secret }).success).toBe(isOne);
  });
});
