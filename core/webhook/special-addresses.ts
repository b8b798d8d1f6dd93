/**
 * Special IP addresses: those that the registries of IANA set aside for private networks, for one machine, for
 * documentation or for protocols (RFC 6890 and what came after it), and multicast. None of them is a public receiver.
 */

/** First address and prefix length of each block. */
type Block<Address> = readonly [first: Address, prefixBits: number];

const V4_BLOCKS: readonly Block<string>[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // between a carrier and its customers; some clouds keep their metadata there
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // the host agent of Azure: a public number that only its machines reach
  ['169.254.0.0', 16], // link local, with the metadata of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 3], // multicast, reserved, broadcast
];

/** IANA gives out 2000::/3 only. Addresses outside of it are private, local, multicast, or carry an IPv4 address. */
const V6_GIVEN_OUT: Block<string> = ['2000::', 3];

const V6_BLOCKS: readonly Block<string>[] = [
  ['2001::', 23], // protocol assignments, among them Teredo, which carries an IPv4 address
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4, which carries an IPv4 address
  ['3ffe::', 16], // the former test network
  ['3fff::', 20], // documentation
];

/** @param address four decimals, as `URL.hostname` returns every spelling of an IPv4 address */
export function isSpecialV4(address: string): boolean {
  const bits = bitsOfV4(address);
  return V4_BLOCKS.some(
    ([first, prefix]) => bits >> BigInt(32 - prefix) === bitsOfV4(first) >> BigInt(32 - prefix),
  );
}

/** @param address as `URL.hostname` returns it, without brackets: hexadecimal groups, at most one `::` */
export function isSpecialV6(address: string): boolean {
  const bits = bitsOfV6(address);
  const isIn = ([first, prefix]: Block<string>): boolean =>
    bits >> BigInt(128 - prefix) === bitsOfV6(first) >> BigInt(128 - prefix);
  return !isIn(V6_GIVEN_OUT) || V6_BLOCKS.some(isIn);
}

function bitsOfV4(address: string): bigint {
  return address.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
}

function bitsOfV6(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(group), 0n);
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}
