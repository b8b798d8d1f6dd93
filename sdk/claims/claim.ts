/** BodyClaim: the reference that a record or a message carries when its body was too large for it (docs/large-bodies.md). */

import { PROPERTY_HEADERS } from '../../protocol/headers/message-headers.ts';
import { PROPERTY_LENGTH_MAX } from '../../protocol/limits.ts';
import type { RecordHeader } from '../../protocol/record-batch/index.ts';
import { textOf } from '../values/received.ts';

export interface BodyClaim {
  /** The id of the object with the body. */
  object: string;
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
  contentType?: string;
}

const CLAIM_HEADER = PROPERTY_HEADERS.claim;

/** What stands in the place of the body. Not null, which would be a tombstone. */
export const CLAIMED_BODY = new Uint8Array(0);

/** Returns the claim as text. A long content type is left out. */
export function claimText({ object, bytes, sha256, contentType }: BodyClaim): string {
  const fields = { id: object, bytes, sha256 };
  const text = JSON.stringify({ ...fields, content_type: contentType });
  return new TextEncoder().encode(text).length <= PROPERTY_LENGTH_MAX ? text : JSON.stringify(fields);
}

export function claimHeader(text: string): RecordHeader {
  return { key: CLAIM_HEADER, value: new TextEncoder().encode(text) };
}

/** Returns the claim among the headers of a record; undefined if there is none, or one that nobody can read. */
export function claimOf(headers: readonly RecordHeader[]): BodyClaim | undefined {
  const text = claimTextOf(headers);
  if (text === undefined) return undefined;
  try {
    const { id, bytes, sha256, content_type: type } = JSON.parse(text) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof bytes !== 'number' || typeof sha256 !== 'string') return undefined;
    return { object: id, bytes, sha256, ...(typeof type === 'string' && { contentType: type }) };
  } catch {
    return undefined;
  }
}

export function claimTextOf(headers: readonly RecordHeader[]): string | undefined {
  if (headers.length === 0) return undefined;
  const value = headers.find(({ key }) => key === CLAIM_HEADER)?.value;
  return value ? textOf(value) : undefined;
}
