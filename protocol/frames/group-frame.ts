/**
 * Group frames: records for a member of a group, as bytes.
 *
 *   uint32 length of the heading (big-endian), the heading as JSON in UTF-8, then the record batches of each section, in
 *   the order of the sections
 *
 * The first batch of a section may begin before its start offset.
 */

import type { IdentifiedPartition, MemberReply } from '../schemas/groups.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface GroupSection extends IdentifiedPartition {
  start_offset: number;
  next_offset: number;
  high_watermark: number;
  log_start_offset: number;
  /** Bytes of record batches. */
  bytes: number;
}

export interface GroupFrame {
  member: MemberReply;
  sections: (GroupSection & { batches: Uint8Array })[];
}

interface Heading extends MemberReply {
  sections: GroupSection[];
}

export function encodeGroupFrame({ member, sections }: GroupFrame): Uint8Array {
  const heading: Heading = {
    ...member,
    sections: sections.map((section) => {
      const { batches: _batches, ...rest } = section;
      return rest;
    }),
  };
  const text = encoder.encode(JSON.stringify(heading));
  const size = sections.reduce((sum, { batches }) => sum + batches.length, 4 + text.length);
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, 4);
  let at = 4 + text.length;
  for (const { batches } of sections) {
    bytes.set(batches, at);
    at += batches.length;
  }
  return bytes;
}

/** Reads what `encodeGroupFrame` wrote; a RangeError for anything else. */
export function decodeGroupFrame(bytes: Uint8Array): GroupFrame {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const { sections, ...member } = readHeading(bytes.subarray(4, 4 + length));
  let at = 4 + length;
  const frame: GroupFrame = { member, sections: [] };
  for (const section of sections) {
    if (!(Number.isSafeInteger(section?.bytes) && section.bytes >= 0))
      throw new RangeError('a section of the frame does not say how long it is');
    if (at + section.bytes > bytes.length) throw new RangeError('the frame ends inside its batches');
    frame.sections.push({ ...section, batches: bytes.subarray(at, at + section.bytes) });
    at += section.bytes;
  }
  return frame;
}

function readHeading(bytes: Uint8Array): Heading {
  let heading: Heading | null;
  try {
    heading = JSON.parse(decoder.decode(bytes)) as Heading | null;
  } catch (error) {
    throw new RangeError('the heading of the frame is not JSON', { cause: error });
  }
  if (!Array.isArray(heading?.sections)) throw new RangeError('the heading of the frame names no sections');
  return heading;
}
