/**
 * Walks the records of a batch without decoding them: the one reader of the record grammar (header.ts), used by
 * verification, decoding, compaction and key visits alike, so that what one accepts the others read the same way.
 *
 * It trusts nothing. Every length is checked against the record it is in, every record against the payload, and it
 * always moves forward, so that any bytes end after at most payload / 7 records. It allocates nothing per record:
 * the fields are those of the current record until `next` is called again.
 */

/** length, attributes, timestamp delta, offset delta, key length, value length, headers count: a byte each. */
export const RECORD_BYTES_MIN = 7;

export class RecordCursor {
  readonly bytes: Uint8Array;
  /** Where the next record begins, or where reading stopped. */
  position: number;
  readonly end: number;

  /** Where the current record begins, its length field included; it ends at `position`. */
  start = 0;
  attributes = 0;
  timestampDelta = 0;
  offsetDelta = 0;
  keyStart = 0;
  /** -1: null. */
  keyLength = 0;
  valueStart = 0;
  /** -1: null. */
  valueLength = 0;
  headerCount = 0;
  headersStart = 0;

  /** Set when a varint is too long or runs over `limit`. */
  private overrun = false;
  private limit = 0;

  /** Records lie in `bytes[position, end)`. */
  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** Moves to the next record. Returns null, or what is wrong with it; after that the cursor is of no more use. */
  next(): string | null {
    this.start = this.position;
    this.limit = this.end;
    const length = this.varint();
    const recordEnd = this.position + length;
    if (this.overrun || length < RECORD_BYTES_MIN - 1 || recordEnd > this.end)
      return 'a length that cannot be';

    this.limit = recordEnd;
    this.attributes = this.bytes[this.position++]!;
    this.timestampDelta = this.varlong();
    this.offsetDelta = this.varint();

    this.keyLength = this.varint();
    this.keyStart = this.position;
    if (this.overrun || this.keyLength < -1) return 'a malformed key';
    if (this.keyLength > 0) this.position += this.keyLength;

    this.valueLength = this.varint();
    this.valueStart = this.position;
    if (this.overrun || this.valueLength < -1) return 'a malformed value';
    if (this.valueLength > 0) this.position += this.valueLength;

    this.headerCount = this.varint();
    this.headersStart = this.position;
    if (this.overrun || this.headerCount < 0) return 'a malformed headers count';
    if (this.headerCount > 0 && !this.skipHeaders()) return 'malformed headers';
    return this.position === recordEnd ? null : 'a length that differs from its content';
  }

  /** Leaves `position` where the record should end. A count that lies stops at the record's end. */
  private skipHeaders(): boolean {
    for (let left = this.headerCount; left > 0; left--) {
      const keyLength = this.varint();
      if (this.overrun || keyLength < 0) return false;
      this.position += keyLength;
      const valueLength = this.varint();
      if (this.overrun || valueLength < -1) return false;
      if (valueLength > 0) this.position += valueLength;
    }
    return this.position <= this.limit;
  }

  /**
   * Reads an int32 at `position`, which moves on. If it does not fit before the end of the record (also because a
   * length before it pointed too far) `overrun` is set and the value is 0. The public use is reading headers again,
   * from `headersStart`, after `next` has found them well-formed.
   */
  varint(): number {
    const bytes = this.bytes;
    let at = this.position;
    if (at >= this.limit) return this.overran();
    let byte = bytes[at++]!;
    let zigzag = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      // The fifth byte holds the top four bits: more, or a sixth, is no int32.
      if (at >= this.limit || shift > 28) return this.overran();
      byte = bytes[at++]!;
      if (shift === 28 && byte > 0x0f) return this.overran();
      zigzag |= (byte & 0x7f) << shift;
    }
    this.position = at;
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  /** Reads an int64 likewise. Beyond the safe integers it gives some number that is not one, as `readInt64` does. */
  private varlong(): number {
    const bytes = this.bytes;
    let at = this.position;
    if (at >= this.limit) return this.overran();
    let byte = bytes[at++]!;
    if (byte < 0x80) {
      this.position = at;
      return (byte >>> 1) ^ -(byte & 1);
    }
    // Pieces of 28 bits, as bit operations have 32: bits 0-27, 28-55 and 56-63.
    let low = byte & 0x7f;
    let middle = 0;
    let high = 0;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (at >= this.limit || shift > 63) return this.overran();
      byte = bytes[at++]!;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else if (shift < 56) middle |= (byte & 0x7f) << (shift - 28);
      else high += (byte & 0x7f) * (shift === 56 ? 1 : 0x80);
      if (high > 0xff) return this.overran();
    }
    this.position = at;
    const magnitude = (low >>> 1) + middle * 2 ** 27 + high * 2 ** 55;
    return (low & 1) === 0 ? magnitude : -magnitude - 1;
  }

  private overran(): number {
    this.overrun = true;
    return 0;
  }
}
