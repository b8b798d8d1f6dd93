/**
 * Which addresses a webhook may have. Whoever may write rules makes the broker send requests, so a deployed broker calls
 * public https addresses only; one on a machine of one's own calls whatever that machine reaches.
 *
 * Names are not resolved here. On the platform they need not be: a Worker's `fetch` leaves through the public internet, so
 * a public name that resolves to a private address reaches nothing there.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

/** Names that are never public (RFC 6761, RFC 6762, RFC 8375, and the metadata services of clouds). */
const PRIVATE_SUFFIXES = ['localhost', 'local', 'internal', 'home.arpa', 'test', 'invalid', 'onion'];

/** @param anywhere whether http, private addresses and ports of one's own are allowed */
export function checkWebhookUrl(text: string, anywhere: boolean): Failure | null {
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
  return isPrivateHost(url.hostname)
    ? refused(`${url.hostname} is not a public address (POSTHORN_WEBHOOK_TARGETS = "any" allows it)`)
    : null;
}

/** @param host as `URL.hostname` gives it: lower case, IPv4 in four decimals, IPv6 in brackets */
export function isPrivateHost(host: string): boolean {
  if (host.startsWith('[')) return isPrivateV6(host.slice(1, -1));
  const v4 = octetsOf(host);
  if (v4) return isPrivateV4(v4);
  const name = host.replace(/\.$/, '');
  if (!name.includes('.')) return true; // a name of the local network
  return PRIVATE_SUFFIXES.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/** The registry of special addresses, RFC 6890 and what came since, and multicast. */
function isPrivateV4([a, b, c]: readonly number[]): boolean {
  if (a === 0 || a === 10 || a === 127 || a! >= 224) return true;
  if (a === 100) return b! >= 64 && b! < 128;
  if (a === 169) return b === 254;
  if (a === 172) return b! >= 16 && b! < 32;
  if (a === 192) return b === 168 || (b === 0 && (c === 0 || c === 2)) || (b === 88 && c === 99);
  if (a === 198) return b === 18 || b === 19 || (b === 51 && c === 100);
  return a === 203 && b === 0 && c === 113;
}

/** Only 2000::/3 is given out; in it, what carries an IPv4 address (6to4, Teredo) and documentation are left out. */
function isPrivateV6(address: string): boolean {
  const [first = '', second = ''] = address.split(':');
  const head = parseInt(first || '0', 16);
  if (head < 0x2000 || head > 0x3fff || head === 0x2002) return true;
  return head === 0x2001 && (second === '' || second === '0' || second === 'db8');
}

function octetsOf(host: string): number[] | null {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) ? host.split('.').map(Number) : null;
}

function parse(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

function refused(reason: string): Failure {
  return failure('invalid_field', `webhook.url: ${reason}`);
}
