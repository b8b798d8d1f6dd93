/** Delivery state: what a channel keeps of its consumers and deliveries. */

import type { FieldTable } from '../../codec/field-table.ts';
import type { ChannelState } from '../channel-host.ts';
import type { ChannelPrefetch } from './channel-prefetch.ts';
import type { Transaction } from '../transaction.ts';
import type { Unsettled } from './unsettled.ts';

/** A consumer of a channel, for monitoring. */
export interface ConsumerAbout {
  queue: string;
  noAck: boolean;
  exclusive: boolean;
  /** 0: no limit. */
  prefetch: number;
  arguments: FieldTable;
}

export interface OpenConsumer {
  about: ConsumerAbout;
  /** Null while the broker has not answered. */
  running: { cancel(): void } | null;
}

export interface DeliveryState extends ChannelState {
  /** Of each consumer that begins from now on; 0: no limit. */
  prefetch: number;
  /** Of all consumers together. */
  readonly channelPrefetch: ChannelPrefetch;
  readonly unsettled: Unsettled;
  /** Null unless the client has selected transactions. */
  readonly transaction: Transaction | null;
  /** The queue for direct replies, and its consumer; null if nobody consumes them. */
  replies: { queue: string; consumerTag: string } | null;
  /** By tag. */
  readonly consumers: Map<string, OpenConsumer>;
  /** Nothing more is sent on the channel. */
  readonly isOver: boolean;
}
