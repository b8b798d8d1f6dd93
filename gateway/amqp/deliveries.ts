/** Deliveries: messages of the broker on their way to an AMQP client, and what becomes of them. */

import type { Queue } from '../../sdk/admin/queue-types.ts';
import type { ReceivedMessage } from '../../sdk/consumer/received-message.ts';
import type { Delivery } from '../../wire/amqp/broker-port.ts';
import { rawPropertiesOf } from './messages.ts';
import { DELIVERY_LIMIT_MAX } from './queues/queue-declaration.ts';
import { routeOf } from './x-death.ts';

/** @param returning takes what the client gives back or rejects: resolves when the broker has stored that */
export function deliveryOf(
  message: ReceivedMessage,
  { queue, retry }: Pick<Queue, 'queue' | 'retry'>,
  returning: (stored: Promise<void>) => void,
): Delivery {
  // The client has set a limit of deliveries: what it requeues counts.
  const isLimited = 'baseMs' in retry && retry.maxMs === 0 && retry.attempts < DELIVERY_LIMIT_MAX;
  const [exchange, routingKey] = routeOf(message, queue);
  return {
    exchange,
    routingKey,
    redelivered: message.redelivered,
    rawProperties: rawPropertiesOf(message),
    body: message.body ?? new Uint8Array(),
    settle: (settlement) => {
      if (settlement === 'ack') message.ackByConsumer();
      else returning(settled(message, settlement, isLimited).catch(() => {}));
    },
  };
}

/** What fails here, comes too late: the message goes to another consumer anyway. */
function settled(
  message: ReceivedMessage,
  settlement: 'requeue' | 'reject',
  isLimited: boolean,
): Promise<void> {
  if (settlement === 'reject') return message.reject();
  return isLimited ? message.nack({ delayMs: 0 }) : message.release();
}
