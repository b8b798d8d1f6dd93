/** Channel: how the requests of one path go. */

import type { ClientConfig, Connection } from './options.ts';

export interface ChannelCall {
  query: Record<string, string | number | undefined>;
  headers: Record<string, string>;
  body: Uint8Array;
  signal: AbortSignal;
}

export interface Channel {
  /**
   * Sends a request. Makes one attempt, or two if the first was lost with its connection.
   * @param repeats called before the second: the first may have been carried out
   */
  json<Reply>(call: ChannelCall, repeats: () => void): Promise<Reply>;
  /** Closes what it holds open. Requests go one by one from now on. */
  close(): void;
}

/** What a channel is part of. */
export interface ChannelHost {
  readonly config: ClientConfig;
  /** The newest that a reply carried. */
  readonly topologyVersion: number;
  /** Makes one attempt. */
  call(call: ChannelCall & { method: 'POST'; path: string }): Promise<{ bytes: Uint8Array }>;
}

/** Makes the channel of a path. @param connection how its requests go; undefined: as it is best */
export type Channels = (host: ChannelHost, path: string, connection: Connection | undefined) => Channel;
