/** Events of history.ts about clients that speak AMQP. */

import type { Span } from '../history.ts';

/** One message of a channel with confirms. */
export interface AmqpPublished extends Span {
  kind: 'amqp-publish';
  connection: string;
  /** Unique in the run. */
  channel: string;
  /** Of the channel, from 1. */
  number: number;
  id: string;
  /** `unknown`: the connection or the channel has ended before. */
  outcome: 'confirmed' | 'refused' | 'unknown';
}

export interface AmqpDelivered extends Span {
  kind: 'amqp-deliver';
  connection: string;
  /** Unique in the run. */
  consumer: string;
  id: string;
  isRedelivered: boolean;
}

export type AmqpSettlement = 'ack' | 'requeue' | 'reject';

/** Settlements have no answer. */
export interface AmqpSettled extends Span {
  kind: 'amqp-settle';
  connection: string;
  what: AmqpSettlement;
  ids: string[];
}

/**
 *   closed    the client has closed it, and the gateway has agreed
 *   cut       the connection broke
 *   vanished  the client is gone without a word
 *   lost      the gateway has ended it, or is gone
 */
export type AmqpEnding = 'closed' | 'cut' | 'vanished' | 'lost';

export interface AmqpEnded extends Span {
  kind: 'amqp-end';
  connection: string;
  how: AmqpEnding;
}

export interface GatewayKilled extends Span {
  kind: 'gateway-killed';
}

export type AmqpEvent = AmqpPublished | AmqpDelivered | AmqpSettled | AmqpEnded | GatewayKilled;
