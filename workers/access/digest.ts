/** Digests of credentials: SHA-256, compared in constant time. */

const encoder = new TextEncoder();

export async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
}

/** The digest as the directory keeps it, in hexadecimal. */
export async function hexDigestOf(text: string): Promise<string> {
  const bytes = await digestOf(text);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function isSameDigest(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && crypto.subtle.timingSafeEqual(one, other);
}
