/**
 * Webhook addresses: which ones the broker calls. Everybody who may write rules can make the broker send requests, so a
 * deployed broker calls only public https addresses. A local broker calls every address that its machine reaches.
 *
 * Names are not resolved here. On the platform they need not be: a Worker's `fetch` leaves through the public internet, so
 * a public name that resolves to a private address (such as localtest.me, or one that somebody set up for it) reaches
 * nothing there.
 */

import { failure, type Failure } from '../../protocol/errors.ts';
import { isSpecialV4, isSpecialV6 } from './special-addresses.ts';

/**
 * Last labels that the public DNS never resolves, or resolves to the machine that asks: reserved (RFC 2606, 6761, 6762,
 * 8375, 9476), kept free by ICANN because networks use them (SAC 113: corp, home, mail, internal), or customary in offices,
 * routers and clusters.
 */
const PRIVATE_SUFFIXES = new Set([
  ...['localhost', 'local', 'test', 'invalid', 'example', 'onion', 'alt', 'arpa'],
  ...['internal', 'corp', 'home', 'mail'],
  ...['intranet', 'private', 'lan', 'localdomain', 'domain', 'workgroup', 'fritz'],
  ...['svc', 'consul', 'kube', 'docker'],
]);

/** Below it the ports belong to other services, which a broker must not be made to knock at. */
const PORTS_OF_ONES_OWN = 1_024;

/**
 * @param anywhere whether http, private addresses and every port are allowed
 * @param field names the address in the failure
 */
export function checkWebhookUrl(text: string, anywhere: boolean, field = 'webhook.url'): Failure | null {
  const refused = (reason: string): Failure => failure('invalid_field', `${field}: ${reason}`);
  const url = parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return refused(`"${text}" is not an http(s) address`);
  }
  if (url.username !== '' || url.password !== '') {
    return refused('it has a user or password; requests are signed with the secret instead');
  }
  if (anywhere) return null;
  if (url.protocol !== 'https:') {
    return refused(
      'this broker sends webhooks to https addresses only (POSTHORN_WEBHOOK_TARGETS = "any" allows http)',
    );
  }
  // `URL.port` is empty for 443.
  if (url.port !== '' && Number(url.port) < PORTS_OF_ONES_OWN) {
    return refused(
      `port ${url.port} belongs to another service; take 443 or one from ${PORTS_OF_ONES_OWN} (POSTHORN_WEBHOOK_TARGETS = "any" allows it)`,
    );
  }
  return isPrivateHost(url.hostname)
    ? refused(`${url.hostname} is not a public address (POSTHORN_WEBHOOK_TARGETS = "any" allows it)`)
    : null;
}

/** @param host as `URL.hostname` returns it: lower case, IPv4 in four decimals, IPv6 in brackets */
export function isPrivateHost(host: string): boolean {
  if (host.startsWith('[')) return isSpecialV6(host.slice(1, -1));
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) return isSpecialV4(host);
  const labels = host.replace(/\.$/, '').split('.');
  // One label is a name of the local network; an empty one is no public name.
  return labels.length < 2 || labels.includes('') || PRIVATE_SUFFIXES.has(labels.at(-1)!);
}

function parse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
