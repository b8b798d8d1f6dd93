/**
 * JSON as bytes of UTF-8, for calls between objects with large texts. Such a call carries 32 MiB, and a text with one
 * character beyond Latin-1 takes two bytes for each of its characters there.
 */

export function utf8Json(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
