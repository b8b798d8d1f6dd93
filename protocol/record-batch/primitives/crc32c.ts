/**
 * CRC-32C (Castagnoli), the checksum of a record batch: RFC 3720 appendix B.4 and RFC 4960 appendix B.
 *
 *   polynomial 0x1EDC6F41, reflected 0x82F63B78; initial value and final xor 0xFFFFFFFF; bits least significant first
 *
 * Slicing-by-16: TABLE[256 * k + b] is the checksum contribution of byte b followed by k zero bytes, so that
 * sixteen bytes are folded by sixteen independent look-ups, of which only four wait for the running value.
 * Measured in V8, this with words read through an aligned Int32Array is the fastest of the plain variants:
 * 4-5 times the byte-wise loop, 2-3 times slicing-by-8, and ahead of DataView reads. One signed table keeps every
 * value an int32 (an unsigned one makes V8 widen), and a masked index into one constant table needs no bounds check.
 * The tables are 16 KiB, generated at load.
 */

const POLYNOMIAL = 0x82f63b78;
const TABLE = makeTable();

/** Below this many bytes the cost of making the word view outweighs what it saves. */
const WORDS_PAY_FROM = 128;

/** The word loop reads memory in the machine's order, so it is right on little-endian machines only: in practice, all. */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function makeTable(): Int32Array {
  const table = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  for (let index = 256; index < table.length; index++) {
    const shorter = table[index - 256]!;
    table[index] = (shorter >>> 8) ^ table[shorter & 0xff]!;
  }
  return table;
}

/**
 * The CRC-32C of `bytes[start, end)`.
 *
 * @param previous the checksum of the bytes before, to continue it over several pieces; 0 to begin
 * @returns an unsigned 32-bit integer
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  let crc = ~previous;
  let at = start;
  if (LITTLE_ENDIAN && end - at >= WORDS_PAY_FROM) {
    const aligned = at + (-(bytes.byteOffset + at) & 3);
    crc = byBytes(crc, bytes, at, aligned);
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, ((end - aligned) >>> 4) << 2);
    crc = byWords(crc, words);
    at = aligned + words.byteLength;
  }
  return ~byBytes(crc, bytes, at, end) >>> 0;
}

function byBytes(start: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = start;
  for (let at = from; at < to; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

/** Folds four words a turn; the length of `words` is a multiple of four. */
function byWords(start: number, words: Int32Array): number {
  let crc = start;
  for (let at = 0; at + 3 < words.length; at += 4) {
    const a = crc ^ words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    crc =
      TABLE[3840 | (a & 255)]! ^
      TABLE[3584 | ((a >>> 8) & 255)]! ^
      TABLE[3328 | ((a >>> 16) & 255)]! ^
      TABLE[3072 | (a >>> 24)]! ^
      TABLE[2816 | (b & 255)]! ^
      TABLE[2560 | ((b >>> 8) & 255)]! ^
      TABLE[2304 | ((b >>> 16) & 255)]! ^
      TABLE[2048 | (b >>> 24)]! ^
      TABLE[1792 | (c & 255)]! ^
      TABLE[1536 | ((c >>> 8) & 255)]! ^
      TABLE[1280 | ((c >>> 16) & 255)]! ^
      TABLE[1024 | (c >>> 24)]! ^
      TABLE[768 | (d & 255)]! ^
      TABLE[512 | ((d >>> 8) & 255)]! ^
      TABLE[256 | ((d >>> 16) & 255)]! ^
      TABLE[d >>> 24]!;
  }
  return crc;
}
