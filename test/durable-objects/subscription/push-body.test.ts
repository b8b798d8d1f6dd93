import { describe, expect, it } from 'vitest';
import type { SubscriptionDefinition } from '../../../core/topology/subscriptions.ts';
import { bodyOf } from '../../../durable-objects/subscription/push-body.ts';
import { testMessage, type PushMessage } from '../../../durable-objects/subscription/push-message.ts';
import { PUSH_FORMATS } from '../../../protocol/schemas/subscriptions.ts';
import { textHeader } from '../../../protocol/schemas/messages.ts';

const TRACE = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'a=1' };

function definition(format: string): SubscriptionDefinition {
  const config = { source: { queue: 'mails' }, format };
  return { namespace: 'default', name: 'hook', config } as unknown as SubscriptionDefinition;
}

function message(headers: Record<string, string>): PushMessage {
  const plain = testMessage(definition('json'), 'msg_1', 1_000);
  const more = Object.entries(headers).map(([name, text]) => textHeader(name, text));
  return { ...plain, record: { ...plain.record, headers: [...plain.record.headers, ...more] } };
}

describe('a pushed request', () => {
  it.each(PUSH_FORMATS)('carries the trace of its one message, as %s', (format) => {
    expect(bodyOf(definition(format), [message(TRACE)]).headers).toMatchObject(TRACE);
  });

  it('carries none that is not valid, and none of several messages', () => {
    const wrong = bodyOf(definition('json'), [message({ traceparent: 'x\r\ny', tracestate: 'a=1' })]);
    const several = bodyOf(definition('json'), [message(TRACE), message(TRACE)]);
    for (const { headers } of [wrong, several]) expect(Object.keys(headers)).not.toContain('traceparent');
  });
});
