/** x-death: what RabbitMQ tells in headers of a dead letter's past, from the broker's history of it. */

import type { DeathOfMessage, ReceivedMessage } from '../../sdk/consumer/received-message.ts';
import { textField, type FieldTable, type FieldValue } from '../../wire/amqp/codec/field-table.ts';
import type { BasicProperties } from '../../wire/amqp/codec/properties.ts';

/** Headers that clients may have sent back: the broker's are true. */
const IS_OURS = /^x-(?:death|first-death-.*|last-death-.*)$/;

/** Returns the properties of a dead letter with its past. Its time to live is over, and stands in the past. */
export function withDeaths(properties: BasicProperties, message: ReceivedMessage): BasicProperties {
  const deaths = message.deaths.filter(({ reason }) => reason !== 'replayed');
  const [last] = deaths;
  if (last === undefined) return properties;
  const first = deaths.toSorted((a, b) => a.firstAt - b.firstAt)[0]!;
  const exchange = message.exchange ?? '';
  const entry = (death: DeathOfMessage, isLast: boolean): FieldValue => ({
    type: 'F',
    value: [
      ['count', { type: 'l', value: BigInt(death.count) }],
      ['reason', textField(death.reason)],
      ['queue', textField(death.queue)],
      ['time', { type: 'T', value: BigInt(Math.floor(death.firstAt / 1_000)) }],
      ['exchange', textField(exchange)],
      ['routing-keys', { type: 'A', value: [textField(message.routingKey ?? death.queue)] }],
      ...(isLast && properties.expiration !== undefined
        ? [['original-expiration', textField(properties.expiration)] as const]
        : []),
    ],
  });
  const about = (which: string, { queue, reason }: DeathOfMessage): FieldTable => [
    [`x-${which}-death-exchange`, textField(exchange)],
    [`x-${which}-death-queue`, textField(queue)],
    [`x-${which}-death-reason`, textField(reason)],
  ];
  const own = (properties.headers ?? []).filter(([name]) => !IS_OURS.test(name));
  const { expiration: _, ...others } = properties;
  return {
    ...others,
    headers: [
      ...own,
      ['x-death', { type: 'A', value: deaths.map((death, index) => entry(death, index === 0)) }],
      ...about('first', first),
      ...about('last', last),
    ],
  };
}
