/**
 * Section frames: sections of record batches, with a heading that describes them.
 *
 *   uint32 length of the heading (big-endian), the heading as JSON in UTF-8, then the record batches of each section, in
 *   the order of the sections
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Section {
  /** Bytes of record batches. */
  bytes: number;
}

export type WithBatches<One> = One & { batches: Uint8Array };

export function encodeSectionFrame(
  heading: object,
  sections: readonly (Section & { batches: Uint8Array })[],
): Uint8Array {
  const described = sections.map((section) => {
    const { batches: _batches, ...rest } = section;
    return rest;
  });
  const text = encoder.encode(JSON.stringify({ ...heading, sections: described }));
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

/** Reads what `encodeSectionFrame` wrote; a RangeError for anything else. */
export function decodeSectionFrame<Heading extends object, One extends Section>(
  bytes: Uint8Array,
): { heading: Heading; sections: WithBatches<One>[] } {
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  const { sections, ...heading } = readHeading<One>(bytes.subarray(4, 4 + length));
  let at = 4 + length;
  const read = sections.map((section) => {
    if (!(Number.isSafeInteger(section?.bytes) && section.bytes >= 0))
      throw new RangeError('a section of the frame does not say how long it is');
    if (at + section.bytes > bytes.length) throw new RangeError('the frame ends inside its batches');
    const batches = bytes.subarray(at, (at += section.bytes));
    return { ...section, batches };
  });
  return { heading: heading as Heading, sections: read };
}

function readHeading<One>(bytes: Uint8Array): { sections: One[] } {
  let heading: { sections: One[] } | null;
  try {
    heading = JSON.parse(decoder.decode(bytes)) as { sections: One[] } | null;
  } catch (error) {
    throw new RangeError('the heading of the frame is not JSON', { cause: error });
  }
  if (!Array.isArray(heading?.sections)) throw new RangeError('the heading of the frame names no sections');
  return heading;
}
