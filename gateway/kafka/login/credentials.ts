/**
 * Credentials: who may come in. A broker that answers without a token, which is one on loopback, takes everybody from this machine without
 * a login. Every other broker asks for SASL with a token as the password.
 */

import { isName } from '../../../protocol/names/name-rule.ts';
import { Topics } from '../../../sdk/admin/topics.ts';
import { clientConfig } from '../../../sdk/client/options.ts';
import { Transport } from '../../../sdk/client/transport.ts';
import { asPosthornError } from '../../../sdk/errors.ts';

export interface Credential {
  namespace: string;
  token: string | null;
}

/** A name that need not exist. */
const PROBED = 'probe';

/** Returns the code of the problem that a credential has in a namespace; null for none. */
export async function probe(url: string, { namespace, token }: Credential): Promise<string | null> {
  try {
    const config = clientConfig({ url, namespace, ...(token !== null && { token }), retry: { attempts: 3 } });
    await new Topics(new Transport(config)).get(PROBED);
    return null;
  } catch (error) {
    const { code, details } = asPosthornError(error);
    // Good there all the same: each call is checked for its own rights.
    return code === 'topic_not_found' || (code === 'forbidden' && 'needs' in details) ? null : code;
  }
}

/**
 * Reads the message of SASL PLAIN: an identity, a user and a password with NULs between them. Returns null for anything else.
 */
export function plainCredential(message: Uint8Array, namespaceDefault: string): Credential | null {
  const parts = new TextDecoder().decode(message).split('\0');
  if (parts.length !== 3) return null;
  const [, user, password] = parts as [string, string, string];
  const namespace = namespaceOfUser(user, namespaceDefault);
  return isName(namespace) && password !== '' ? { namespace, token: password } : null;
}

/** A user may say which namespace is meant, as `namespace/anything`. */
export function namespaceOfUser(user: string, namespaceDefault: string): string {
  const slash = user.indexOf('/');
  return slash < 0 ? namespaceDefault : user.slice(0, slash);
}
