/** Connection host: what a connection needs of whoever holds its socket. */

import type { BrokerPort, Done } from '../broker-port.ts';
import type { Login } from './login.ts';

export interface ConnectionHost {
  /** Of this server, for clients. */
  readonly version: string;
  authenticate(login: Login, done: Done<null>): void;
  /** Takes another secret for a login that was accepted. */
  renew(login: Login, done: Done<null>): void;
  /** Opens a virtual host for a login that was accepted. */
  openHost(login: Login, virtualHost: string, done: Done<BrokerPort>): void;
  /** There may be output to take, or the backlog has changed. */
  wake(): void;
  /** The socket can be closed once the output is written. */
  finished(): void;
}
