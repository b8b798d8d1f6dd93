/**
 * Credentials: who may log in. A broker that answers without a token, which is one on loopback, takes `guest` with the password
 * `guest` from this machine, and nobody else, as RabbitMQ does. Every other broker takes any user whose password is a token.
 */

import { Exchanges } from '../../../sdk/admin/exchanges.ts';
import { clientConfig } from '../../../sdk/client/options.ts';
import { Transport } from '../../../sdk/client/transport.ts';
import { asPosthornError } from '../../../sdk/errors.ts';
import type { Login } from '../../../wire/amqp/connection/login.ts';
import type { BrokerAddress } from './broker-clients.ts';
import { portError, type PortError } from '../../../wire/amqp/reply-codes.ts';

/** What a login is worth: the token for the calls of the connection, or none. */
export interface Credential {
  token: string | null;
}

/** An exchange that every namespace has. */
const PROBED = 'amq.direct';

export async function credentialOf(
  broker: BrokerAddress,
  { user, password }: Login,
  isFromHere: boolean,
): Promise<Credential | PortError> {
  if ((await probe(broker, 'default', null)) === null) {
    return isFromHere && user === 'guest' && password === 'guest' ? { token: null } : refused(user);
  }
  if (password === '') return refused(user);
  const problem = await probe(broker, 'default', password);
  // A token of another namespace is good too: the virtual host says which.
  return problem === null || problem === 'forbidden' ? { token: password } : refused(user);
}

/**
 * Returns the code of the problem that a credential has in a namespace; null for none. One without the right to see the exchange is
 * good there all the same: each call is checked for its own rights.
 */
export async function probe(
  broker: BrokerAddress,
  namespace: string,
  token: string | null,
): Promise<string | null> {
  try {
    const config = clientConfig({
      ...broker,
      namespace,
      ...(token !== null && { token }),
      retry: { attempts: 3 },
    });
    await new Exchanges(new Transport(config)).get(PROBED);
    return null;
  } catch (error) {
    const { code, details } = asPosthornError(error);
    return code === 'forbidden' && 'needs' in details ? null : code;
  }
}

const refused = (user: string): PortError =>
  portError('access-refused', `login of user '${user}' was refused: the password has to be a token`);
