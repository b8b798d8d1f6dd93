/** Broker errors: problems that prevent a broker from running and that the user can fix. */

export type BrokerErrorCode =
  /** Another broker holds the data folder. */
  | 'data_in_use'
  /** The data folder cannot be created or written. */
  | 'data_unusable'
  /** Another program listens on the port. */
  | 'port_taken'
  /** The host is not one of this machine, or the port is not open to this user. */
  | 'address_unusable'
  /** The host can be reached from other machines, and there is no root token. */
  | 'root_token_missing'
  /** The runtime ended and could not be started again. */
  | 'runtime_lost';

export class BrokerError extends Error {
  readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BrokerError';
    this.code = code;
  }
}
