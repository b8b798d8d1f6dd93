/** Loopback host: whether the host of a request names this machine, whoever resolves the name. */

/** 127.0.0.0/8, as a URL writes it. */
const IPV4 = /^127\.\d+\.\d+\.\d+$/;

/** ::1, and 127.0.0.0/8 mapped into IPv6, as a URL writes them. */
const IPV6 = /^\[::(?:1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\]$/;

/**
 * Returns true when a `Host` header names this machine: `localhost`, a name below it (RFC 6761 keeps both to the loopback
 * interface), or a loopback address, with or without a port. No owner of a domain can make another name appear here by
 * pointing it at 127.0.0.1, which is how DNS rebinding works.
 */
export function isLoopbackHost(host: string): boolean {
  const url = URL.parse(`http://${host}`);
  // What a URL reads as a user, a path or a query stands in no valid Host.
  if (url === null || url.href !== `http://${url.host}/`) return false;
  const name = url.hostname.replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || IPV4.test(name) || IPV6.test(name);
}
