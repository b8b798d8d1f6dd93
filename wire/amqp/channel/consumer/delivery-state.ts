/** Delivery state: what a channel keeps of its consumers and deliveries. */

import type { ChannelState } from '../channel-host.ts';
import type { ChannelPrefetch } from './channel-prefetch.ts';
import type { Transaction } from '../transaction.ts';
import type { Unsettled } from './unsettled.ts';

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
  /** By tag. Null while the broker has not answered. */
  readonly consumers: Map<string, { cancel(): void } | null>;
  /** Nothing more is sent on the channel. */
  readonly isOver: boolean;
}
