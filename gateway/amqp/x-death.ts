/** x-death: what RabbitMQ tells in headers of a dead letter's past, from the broker's history of it. */

import type { DeathOfMessage, ReceivedMessage } from '../../sdk/consumer/received-message.ts';
import {
  COPIES,
  fieldOf,
  keysOf,
  textField,
  type FieldTable,
  type FieldValue,
} from '../../wire/amqp/codec/field-table.ts';
import type { BasicProperties } from '../../wire/amqp/codec/properties.ts';

/** Headers that clients may have sent back: the broker's are true. */
const IS_OURS = /^x-(?:death|first-death-.*|last-death-.*)$/;

type Route = readonly [exchange: string, routingKey: string];
type Routed = Pick<ReceivedMessage, 'exchange' | 'routingKey' | 'deaths'>;

/** The exchange and the routing key by which a message came to a queue. A dead letter is published anew, so it has those of its target. */
export function routeOf(message: Routed, queue: string): Route {
  const [last] = message.deaths;
  if (last !== undefined && last.reason !== 'replayed') return last.to ?? ['', queue];
  return publishedBy(message, queue);
}

/** A message that went straight to a queue has the queue's name for a routing key. */
const publishedBy = ({ exchange, routingKey }: Routed, queue: string): Route =>
  exchange === undefined ? ['', queue] : [exchange, routingKey ?? ''];

/** Returns the properties of a dead letter with its past. Its time to live is over, and stands in the past. */
export function withDeaths(properties: BasicProperties, message: ReceivedMessage): BasicProperties {
  const deaths = message.deaths.filter(({ reason }) => reason !== 'replayed');
  const [last] = deaths;
  if (last === undefined) return properties;
  const inOrder = deaths.toSorted((a, b) => a.firstAt - b.firstAt);
  const first = inOrder[0]!;
  /** By which it had come to the queue in which it died. */
  const cameBy = (death: DeathOfMessage): Route => {
    const before = inOrder[inOrder.indexOf(death) - 1];
    return before === undefined ? publishedBy(message, death.queue) : (before.to ?? ['', death.queue]);
  };
  /** It was published with those, and died by one. */
  const copiesOf = (death: DeathOfMessage): string[] =>
    death === first ? keysOf(fieldOf(properties.headers ?? [], COPIES)) : [];
  const entry = (death: DeathOfMessage, isLast: boolean): FieldValue => {
    const [exchange, routingKey] = cameBy(death);
    return {
      type: 'F',
      value: [
        ['count', { type: 'l', value: BigInt(death.count) }],
        ['reason', textField(death.reason)],
        ['queue', textField(death.queue)],
        ['time', { type: 'T', value: BigInt(Math.floor(death.firstAt / 1_000)) }],
        ['exchange', textField(exchange)],
        ['routing-keys', { type: 'A', value: [routingKey, ...copiesOf(death)].map(textField) }],
        ...(isLast && properties.expiration !== undefined
          ? [['original-expiration', textField(properties.expiration)] as const]
          : []),
      ],
    };
  };
  const about = (which: string, death: DeathOfMessage): FieldTable => [
    [`x-${which}-death-exchange`, textField(cameBy(death)[0])],
    [`x-${which}-death-queue`, textField(death.queue)],
    [`x-${which}-death-reason`, textField(death.reason)],
  ];
  const [, key] = publishedBy(message, first.queue);
  const isRerouted = deaths.some(({ to }) => to?.[1] !== key);
  const own = (properties.headers ?? []).filter(
    ([name]) => !IS_OURS.test(name) && !(isRerouted && name === COPIES),
  );
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
