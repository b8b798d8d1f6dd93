/** Channel host: what a channel needs of its connection. */

import type { BrokerPort } from '../broker-port.ts';
import type { MethodFields, MethodName } from '../codec/methods.ts';
import type { AmqpError, PortError } from '../reply-codes.ts';

export interface ChannelHost {
  readonly port: BrokerPort;
  /** The name that the client has logged in with. */
  readonly user: string;
  /** The client wants to know when the broker cancels a consumer. */
  readonly takesCancels: boolean;
  /** The client takes a prefetch without `global` for that of the channel, as the specification has it. */
  readonly sharesPrefetch: boolean;
  readonly bodyBytesMax: number;
  send<Name extends MethodName>(name: Name, fields: MethodFields<Name>): void;
  sendContent<Name extends 'basic.deliver' | 'basic.return' | 'basic.get-ok'>(
    name: Name,
    fields: MethodFields<Name>,
    content: { rawProperties: Uint8Array; body: Uint8Array },
  ): void;
  /** Counts messages that wait for the broker and methods that wait for their turn, so that the connection can stop reading. */
  hold(count: number, bytes: number): void;
  /**
   * Counts bytes that the connection has to go on reading for: those of bodies that are not complete and of transactions that are not
   * committed. Returns false, and counts nothing, if all channels together would have too many.
   */
  gather(bytes: number): boolean;
  /** Confirms wait to be written. */
  wake(): void;
  /** Closes the connection for an error. */
  fail(error: AmqpError): void;
  /** The channel has ended, and its number is free. */
  ended(): void;
}

/** What a channel keeps between methods. */
export interface ChannelState {
  readonly host: ChannelHost;
  /** The queue that was declared last: methods may leave out the name of a queue. */
  lastQueue: string;
}

/** Ends a method. With an error the channel closes. */
export type End = (error?: PortError | null) => void;

/** Runs a method. It sends the reply itself and calls `end` once. */
export type Handler<State extends ChannelState, Name extends MethodName> = (
  state: State,
  fields: MethodFields<Name>,
  end: End,
) => void;

export type Handlers<State extends ChannelState, Names extends MethodName> = {
  readonly [Name in Names]: Handler<State, Name>;
};
