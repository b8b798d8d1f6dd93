/** Virtual hosts: the namespaces of the broker, by the names that AMQP clients give them. */

import { isName } from '../../protocol/names/name-rule.ts';
import { Namespaces } from '../../sdk/admin/namespaces.ts';
import { clientConfig } from '../../sdk/client/options.ts';
import { Transport } from '../../sdk/client/transport.ts';
import { asPosthornError } from '../../sdk/errors.ts';
import { probe } from '../amqp/connection/credentials.ts';
import { namespaceOf, vhostOf } from '../amqp/connection/virtual-host.ts';
import { Refused } from './vhost-calls.ts';

/** All that there are for the root token; otherwise that of the token, as far as it can be guessed: the default one. */
export async function vhostsOf(url: string, token: string | null): Promise<string[]> {
  try {
    const all = await namespacesOf(url, token).list();
    return all.filter(({ state }) => state === 'active').map(({ namespace }) => vhostOf(namespace));
  } catch (error) {
    const { code } = asPosthornError(error);
    if (code !== 'forbidden' && code !== 'unauthenticated') throw error;
    return (await probe({ url }, 'default', token)) === null ? ['/'] : [];
  }
}

/** Returns whether it is new. */
export async function createVhost(url: string, token: string | null, vhost: string): Promise<boolean> {
  const namespace = namespaceOf(vhost);
  if (!isName(namespace)) {
    const reason = `a virtual host is a namespace here, and none can be called '${vhost}': names have letters, digits, '.', '_' and '-'`;
    throw new Refused({ reply: 'precondition-failed', reason });
  }
  const isThere = await existing(url, token, namespace);
  await namespacesOf(url, token).put(namespace);
  return !isThere;
}

/** With everything in it. Returns whether there was one. */
export async function deleteVhost(url: string, token: string | null, vhost: string): Promise<boolean> {
  const namespace = namespaceOf(vhost);
  if (!isName(namespace) || !(await existing(url, token, namespace))) return false;
  await namespacesOf(url, token).delete(namespace, { confirm: namespace });
  return true;
}

async function existing(url: string, token: string | null, namespace: string): Promise<boolean> {
  try {
    return (await namespacesOf(url, token).get(namespace)).state === 'active';
  } catch (error) {
    if (asPosthornError(error).code !== 'namespace_not_found') throw error;
    return false;
  }
}

function namespacesOf(url: string, token: string | null): Namespaces {
  const config = clientConfig({ url, ...(token !== null && { token }), retry: { attempts: 2 } });
  return new Namespaces(new Transport({ ...config, baseUrl: config.rootUrl }));
}
