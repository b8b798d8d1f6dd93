import { describe, expect, it } from 'vitest';
import type { Delivery, Settlement } from '../../../../wire/amqp/broker-port.ts';
import { textField } from '../../../../wire/amqp/codec/field-table.ts';
import { decodeProperties } from '../../../../wire/amqp/codec/frames.ts';
import { BODY_BYTES_MAX, FakeClient } from '../fake-client.ts';

const CONSUME = {
  reserved1: 0,
  queue: 'q',
  consumerTag: 't',
  noLocal: false,
  noAck: false,
  exclusive: false,
  noWait: false,
  arguments: [],
};

const purge = (client: FakeClient): void =>
  client.send(1, 'queue.purge', { reserved1: 0, queue: 'q', noWait: false });

const names = (client: FakeClient): string[] => client.sent().map(([, what]) => what);

/** A client with a consumer, and what became of each delivery. */
function consuming(fields: Partial<typeof CONSUME> = {}) {
  const client = FakeClient.open();
  client.send(1, 'basic.consume', { ...CONSUME, ...fields });
  const { args } = client.calls[0]!;
  const listener = args[1] as { deliver(delivery: Delivery): void; cancelled(): void };
  const events: string[] = [];
  client.answer({ start: () => events.push('start'), cancel: () => events.push('cancel') });
  const deliver = (text: string): void =>
    listener.deliver({
      exchange: '',
      routingKey: 'q',
      redelivered: false,
      rawProperties: new Uint8Array(2),
      body: new TextEncoder().encode(text),
      settle: (settlement: Settlement) => events.push(`${settlement} ${text}`),
    });
  return { client, listener, events, deliver };
}

describe('publishes', () => {
  it('go to the broker at once, and what could see them waits until they have an outcome', () => {
    const client = FakeClient.open();
    client.publish('a');
    client.publish('b');
    purge(client);
    client.publish('c');
    expect(client.calls.map(({ name }) => name)).toEqual(['publish', 'publish']);
    client.answer('stored');
    client.answer('stored');
    expect(client.calls.map(({ name }) => name)).toEqual(['purgeQueue']);
    client.answer(2);
    expect(client.calls.map(({ name }) => name)).toEqual(['publish']);
    expect(client.sent()).toEqual([[1, 'queue.purge-ok', { messageCount: 2 }]]);
  });

  it('are confirmed by one ack for all that have piled up, refused ones by a nack of their own', () => {
    const client = FakeClient.open();
    client.send(1, 'confirm.select', { noWait: false });
    expect(names(client)).toEqual(['confirm.select-ok']);
    for (const text of ['1', '2', '3', '4', '5']) client.publish(text);
    const [first, second, third, fourth, fifth] = client.published;
    first!.done('stored');
    second!.done('refused');
    third!.done('stored');
    fifth!.done('stored');
    expect(client.sent()).toEqual([
      [1, 'basic.nack', { deliveryTag: 2, multiple: false, requeue: false }],
      [1, 'basic.ack', { deliveryTag: 3, multiple: true }],
      [1, 'basic.ack', { deliveryTag: 5, multiple: false }],
    ]);
    fourth!.done('stored');
    expect(client.sent()).toEqual([[1, 'basic.ack', { deliveryTag: 4, multiple: false }]]);
  });

  it('that a full queue rejects get a nack, and nothing without confirms', () => {
    const client = FakeClient.open();
    client.publish('silent');
    client.answer('rejected');
    expect(client.sent()).toEqual([]);
    client.send(1, 'confirm.select', { noWait: true });
    client.publish('told');
    client.answer('rejected');
    expect(names(client)).toEqual(['basic.nack']);
  });

  it('that the broker refuses close a channel without confirms, whose client would not learn of it', () => {
    const client = FakeClient.open();
    client.publish('lost');
    client.answer('refused');
    expect(client.sent()).toMatchObject([
      [1, 'channel.close', { replyCode: 406, classId: 60, methodId: 40 }],
    ]);
  });

  it('that nobody takes are returned before the ack if they are mandatory', () => {
    const client = FakeClient.open();
    client.send(1, 'confirm.select', { noWait: true });
    client.publish('a', { mandatory: true });
    client.publish('b');
    client.answer('unroutable');
    client.answer('unroutable');
    expect(names(client)).toEqual(['basic.return', 'content', 'content', 'basic.ack']);
  });

  it.each([
    ['for immediate delivery', { immediate: true }, {}, 540],
    ['of somebody else', {}, { userId: 'mallory' }, 406],
    ['that expires at no time', {}, { expiration: 'soon' }, 406],
    ['with further routing keys that are no list', {}, { headers: [['CC', { type: 'V' }]] }, 406],
  ] as const)('%s are refused', (_, fields, properties, code) => {
    const client = FakeClient.open();
    client.publish('a', fields, properties as object);
    expect(client.sent()[0]![2]).toMatchObject({ replyCode: code, classId: 60 });
    expect(client.connection.backlog).toEqual({ count: 0, bytes: 0 });
  });

  it('that are too large are refused by their header', () => {
    const client = FakeClient.open();
    client.publish('x'.repeat(BODY_BYTES_MAX + 1));
    expect(client.sent()).toMatchObject([[1, 'channel.close', { replyCode: 406, methodId: 40 }]]);
  });

  it('count as backlog until they have an outcome', () => {
    const client = FakeClient.open();
    client.publish('abc');
    expect(client.connection.backlog).toEqual({ count: 1, bytes: 3 });
    client.answer('stored');
    expect(client.connection.backlog).toEqual({ count: 0, bytes: 0 });
  });
});

describe('methods that wait for their turn', () => {
  it('count as backlog until then, or until the channel is over', () => {
    const client = FakeClient.open();
    purge(client);
    expect(client.connection.backlog, 'the first one runs').toEqual({ count: 0, bytes: 0 });
    purge(client);
    purge(client);
    const { count, bytes } = client.connection.backlog;
    expect(count).toBe(2);
    expect(bytes).toBeGreaterThan(0);
    client.answer(0);
    expect(client.connection.backlog).toEqual({ count: 1, bytes: bytes / 2 });
    client.answer({ reply: 'not-found', reason: 'gone' });
    expect(client.connection.backlog).toEqual({ count: 0, bytes: 0 });
  });
});

describe('an error of the broker', () => {
  it('closes the channel with the ids of the method, and what follows is ignored until the client agrees', () => {
    const client = FakeClient.open();
    purge(client);
    client.answer({ reply: 'not-found', reason: "no queue 'q'" });
    expect(client.sent()).toEqual([
      [
        1,
        'channel.close',
        { replyCode: 404, replyText: "NOT_FOUND - no queue 'q'", classId: 50, methodId: 30 },
      ],
    ]);
    client.publish('late');
    purge(client);
    expect(client.calls).toEqual([]);
    client.send(1, 'channel.close-ok', {});
    client.send(1, 'channel.open', { outOfBand: '' });
    expect(names(client)).toEqual(['channel.open-ok']);
  });
});

describe('deliveries', () => {
  it('begin after consume-ok, and are settled one by one or up to a tag', () => {
    const { client, events, deliver } = consuming();
    expect(names(client)).toEqual(['basic.consume-ok']);
    for (const text of ['a', 'b', 'c', 'd']) deliver(text);
    expect(client.sent().filter(([, what]) => what === 'basic.deliver')).toHaveLength(4);
    client.send(1, 'basic.reject', { deliveryTag: 2, requeue: false });
    client.send(1, 'basic.ack', { deliveryTag: 3, multiple: true });
    client.send(1, 'basic.nack', { deliveryTag: 0, multiple: true, requeue: true });
    expect(events).toEqual(['start', 'reject b', 'ack a', 'ack c', 'requeue d']);
    client.send(1, 'basic.ack', { deliveryTag: 3, multiple: false });
    expect(client.sent()).toMatchObject([
      [1, 'channel.close', { replyCode: 406, classId: 60, methodId: 80 }],
    ]);
  });

  it('to a consumer without acks are settled when they are sent', () => {
    const { client, events, deliver } = consuming({ noAck: true });
    deliver('a');
    expect(events).toEqual(['start', 'ack a']);
    client.connection.end();
    expect(events).toEqual(['start', 'ack a', 'cancel']);
  });

  it('go back to the queue when the channel ends, after its consumers', () => {
    const { client, events, deliver } = consuming();
    deliver('a');
    client.send(1, 'channel.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 });
    deliver('b');
    expect(events).toEqual(['start', 'cancel', 'requeue a', 'requeue b']);
    expect(names(client).at(-1)).toBe('channel.close-ok');
  });

  it('that come after a cancel go back, and those before it can still be settled', () => {
    const { client, events, deliver } = consuming();
    deliver('a');
    client.send(1, 'basic.cancel', { consumerTag: 't', noWait: false });
    deliver('b');
    client.send(1, 'basic.ack', { deliveryTag: 1, multiple: false });
    expect(events).toEqual(['start', 'cancel', 'requeue b', 'ack a']);
    expect(names(client).at(-1)).toBe('basic.cancel-ok');
  });

  it('go back with basic.recover', () => {
    const { client, events, deliver } = consuming();
    deliver('a');
    client.send(1, 'basic.recover', { requeue: true });
    expect(events).toEqual(['start', 'requeue a']);
    expect(names(client).at(-1)).toBe('basic.recover-ok');
  });

  it.each([
    ['x-stream-offset', 540, 0],
    ['x-priority', 406, 1],
  ])('to a consumer with the argument %s as text are refused with %i', (name, replyCode, channel) => {
    const client = FakeClient.open();
    client.send(1, 'basic.consume', { ...CONSUME, arguments: [[name, textField('first')]] });
    const what = channel === 0 ? 'connection.close' : 'channel.close';
    expect(client.sent()).toMatchObject([[channel, what, { replyCode }]]);
  });

  it('are for a consumer alone, or for one of a priority, if it says so', () => {
    const client = FakeClient.open();
    const priority = { type: 'I', value: 7 } as const;
    client.send(1, 'basic.consume', { ...CONSUME, exclusive: true, arguments: [['x-priority', priority]] });
    expect(client.calls[0]!.args[0]).toMatchObject({ queue: 'q', exclusive: true, priority: 7 });
  });
});

describe('a transaction', () => {
  const begun = () => {
    const consumer = consuming();
    consumer.client.send(1, 'tx.select', {});
    expect(names(consumer.client).at(-1)).toBe('tx.select-ok');
    consumer.events.length = 0;
    return consumer;
  };
  const ack = (client: FakeClient): void => client.send(1, 'basic.ack', { deliveryTag: 1, multiple: false });

  it('keeps publishes and acks until it is committed, and acknowledges when all is stored', () => {
    const { client, events, deliver } = begun();
    deliver('job');
    client.sent();
    client.publish('a');
    client.publish('b');
    ack(client);
    expect([client.calls, events]).toEqual([[], []]);
    client.send(1, 'tx.commit', {});
    expect(client.published).toHaveLength(2);
    client.answer('stored');
    expect([events, names(client)]).toEqual([[], []]);
    client.answer('stored');
    expect([events, names(client)]).toEqual([['ack job'], ['tx.commit-ok']]);
    client.send(1, 'tx.commit', {});
    expect(names(client)).toEqual(['tx.commit-ok']);
  });

  it('forgets publishes and acks when it is rolled back', () => {
    const { client, events, deliver } = begun();
    deliver('job');
    client.publish('a');
    ack(client);
    client.send(1, 'tx.rollback', {});
    client.send(1, 'tx.commit', {});
    expect([client.calls, events]).toEqual([[], []]);
    ack(client);
    client.send(1, 'tx.commit', {});
    expect(events).toEqual(['ack job']);
  });

  it('returns what nobody takes before it is over', () => {
    const { client } = begun();
    client.publish('a', { mandatory: true });
    client.send(1, 'tx.commit', {});
    client.answer('unroutable');
    expect(names(client)).toEqual(['basic.return', 'content', 'content', 'tx.commit-ok']);
  });

  it('acknowledges nothing if a message is not stored, and closes the channel', () => {
    const { client, events, deliver } = begun();
    deliver('job');
    client.sent();
    client.publish('a');
    ack(client);
    client.send(1, 'tx.commit', {});
    client.answer('refused');
    expect(client.sent()).toMatchObject([[1, 'channel.close', { replyCode: 406 }]]);
    expect(events).toEqual(['cancel', 'requeue job']);
  });

  it.each([
    ['a commit without one', ['tx.commit']],
    ['a rollback without one', ['tx.rollback']],
    ['one on a channel with confirms', ['confirm.select', 'tx.select']],
    ['confirms on a channel with one', ['tx.select', 'confirm.select']],
  ] as const)('refuses %s with 406', (_, methods) => {
    const client = FakeClient.open();
    for (const method of methods) client.send(1, method, { noWait: true });
    expect(client.sent().at(-1)).toMatchObject([1, 'channel.close', { replyCode: 406 }]);
  });
});

describe('direct replies', () => {
  const PSEUDO = 'amq.rabbitmq.reply-to';
  const QUEUE = `${PSEUDO}.1`;

  it('come through a queue of the channel, whose name the requests get', () => {
    const client = FakeClient.open();
    client.send(1, 'basic.consume', { ...CONSUME, queue: PSEUDO, noAck: true });
    expect(client.calls[0]).toMatchObject({
      name: 'declareQueue',
      args: [{ queue: QUEUE, autoDelete: true }],
    });
    client.answer({ messageCount: 0, consumerCount: 0 });
    expect(client.calls[0]).toMatchObject({ name: 'consume', args: [{ queue: QUEUE }, {}] });
    client.answer({ start: () => {}, cancel: () => {} });
    expect(names(client)).toEqual(['basic.consume-ok']);
    client.publish('request', {}, { replyTo: PSEUDO, correlationId: 'c' });
    const { properties, rawProperties } = client.published[0]!.message;
    expect(properties).toMatchObject({ replyTo: QUEUE, correlationId: 'c' });
    expect(decodeProperties(rawProperties)).toEqual(properties);
  });

  it('need a consumer without acks', () => {
    const client = FakeClient.open();
    client.send(1, 'basic.consume', { ...CONSUME, queue: PSEUDO });
    expect(client.sent()).toMatchObject([[1, 'channel.close', { replyCode: 406 }]]);
  });

  it('are refused to requests of a channel that does not consume them', () => {
    const client = FakeClient.open();
    client.publish('request', {}, { replyTo: PSEUDO });
    expect(client.sent()).toMatchObject([[1, 'channel.close', { replyCode: 406 }]]);
    expect(client.calls).toEqual([]);
  });
});

it('the default exchange is refused to who declares it, also passively', () => {
  for (const passive of [true, false]) {
    const client = FakeClient.open();
    client.send(1, 'exchange.declare', {
      reserved1: 0,
      exchange: '',
      type: 'direct',
      passive,
      durable: false,
      autoDelete: false,
      internal: false,
      noWait: false,
      arguments: [],
    });
    expect(client.sent()).toMatchObject([[1, 'channel.close', { replyCode: 403 }]]);
  }
});

it('line breaks are left out of names of queues and exchanges, as with RabbitMQ', () => {
  const client = FakeClient.open();
  const declared = { passive: false, durable: true, exclusive: false, autoDelete: false, noWait: false };
  client.send(1, 'queue.declare', { reserved1: 0, queue: 'a\r\nb\n', ...declared, arguments: [] });
  client.answer({ messageCount: 0, consumerCount: 0 });
  expect(client.sent()).toMatchObject([[1, 'queue.declare-ok', { queue: 'ab' }]]);
  client.send(1, 'queue.purge', { reserved1: 0, queue: 'ab\n', noWait: false });
  expect(client.calls[0]!.args[0]).toBe('ab');
  client.answer(0);
  client.send(1, 'exchange.delete', { reserved1: 0, exchange: 'x\n', ifUnused: false, noWait: false });
  expect(client.calls[0]!.args[0]).toBe('x');
});
