import { describe, expect, it } from 'vitest';
import { readQueueArguments } from '../../../../wire/amqp/arguments/queue-arguments.ts';
import { textField, type FieldTable } from '../../../../wire/amqp/codec/field-table.ts';

const int = (value: number) => ({ type: 'I', value }) as const;

describe('the arguments of a queue', () => {
  it('are read by their names', () => {
    const table: FieldTable = [
      ['x-max-priority', int(10)],
      ['x-message-ttl', { type: 'l', value: 86_400_000n }],
      ['x-expires', int(1)],
      ['x-max-length', int(0)],
      ['x-max-length-bytes', int(5)],
      ['x-overflow', textField('reject-publish')],
      ['x-single-active-consumer', { type: 't', value: true }],
      ['x-dead-letter-exchange', textField('dlx')],
      ['x-dead-letter-routing-key', textField('dead')],
      ['x-delivery-limit', int(3)],
      ['x-queue-type', textField('quorum')],
      ['purpose', textField('mine')],
    ];
    expect(readQueueArguments('q', table)).toEqual({
      maxPriority: 10,
      messageTtlMs: 86_400_000,
      expiresMs: 1,
      maxLength: 0,
      maxBytes: 5,
      overflow: 'reject-publish',
      singleActiveConsumer: true,
      deadLetterExchange: 'dlx',
      deadLetterRoutingKey: 'dead',
      deliveryLimit: 3,
    });
  });

  it.each<[string, FieldTable, string]>([
    ['a time to live as text', [['x-message-ttl', textField('5')]], 'precondition-failed'],
    ['a negative time to live', [['x-message-ttl', int(-1)]], 'precondition-failed'],
    ['an expiry of 0', [['x-expires', int(0)]], 'precondition-failed'],
    ['a priority above 255', [['x-max-priority', int(256)]], 'precondition-failed'],
    ['an unknown overflow', [['x-overflow', textField('explode')]], 'precondition-failed'],
    ['a dead-letter key alone', [['x-dead-letter-routing-key', textField('k')]], 'precondition-failed'],
    ['a stream', [['x-queue-type', textField('stream')]], 'not-implemented'],
    ['what only streams have', [['x-max-age', textField('1D')]], 'not-implemented'],
    ['a time for acknowledgements', [['x-consumer-timeout', int(1_000)]], 'not-implemented'],
  ])('are refused for %s', (_, table, reply) => {
    expect(readQueueArguments('q', table)).toMatchObject({ reply });
  });

  it.each<[string, FieldTable]>([
    ['a strategy that is the only one here', [['x-dead-letter-strategy', textField('at-least-once')]]],
    ['what means nothing to RabbitMQ', [['x-alternate-exchange', textField('amq.topic')]]],
    ["the application's own", [['made-by', textField('a test')]]],
    [
      'names of every object',
      [
        ['x-__proto__', int(1)],
        ['constructor', int(1)],
      ],
    ],
  ])('are taken, and mean nothing, for %s', (_, table) => {
    expect(readQueueArguments('q', table)).toEqual({});
  });
});
