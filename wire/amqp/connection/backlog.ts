/** Backlog: what a connection has in memory for its client. */

/** Of all channels together: a client may interleave many bodies, or send one that is as large as it may be. */
const GATHERED_BYTES_MAX = 128 * 1024 * 1024;

export class Backlog {
  /** Messages that wait for the broker, and methods that wait for their turn. Above some bound their connection should not be read. */
  count = 0;
  bytes = 0;
  /** Bytes of bodies that are not complete and of transactions that are not committed: these end only if the connection is read. */
  #gathered = 0;

  hold(count: number, bytes: number): void {
    this.count += count;
    this.bytes += bytes;
  }

  /** Returns false, and counts nothing, if there would be too many. */
  gather(bytes: number): boolean {
    if (bytes > 0 && this.#gathered + bytes > GATHERED_BYTES_MAX) return false;
    this.#gathered += bytes;
    return true;
  }
}
