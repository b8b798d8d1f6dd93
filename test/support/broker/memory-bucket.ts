/** Bucket in memory, with what a partition uses of R2: for the simulation, and for tests that fail it at every step. */

import { createHash } from 'node:crypto';

interface Stored {
  bytes: Uint8Array;
  sha256: Uint8Array;
}

export class MemoryBucket {
  readonly objects = new Map<string, Stored>();
  /** Asked before and after each call has done its work: what it throws is the answer. */
  onStep: (call: string, when: 'before' | 'after') => void = () => {};

  put(key: string, data: Uint8Array, { sha256 }: { sha256: Uint8Array }): Promise<object> {
    const bytes = data.slice();
    return this.#answer('put', () => {
      const digest = new Uint8Array(createHash('sha256').update(bytes).digest());
      if (Buffer.compare(digest, sha256) !== 0) throw new Error('put: the digest differs (10037)');
      this.objects.set(key, { bytes, sha256: digest });
      return {};
    });
  }

  head(key: string): Promise<object | null> {
    return this.#answer('head', () => {
      const stored = this.objects.get(key);
      if (stored === undefined) return null;
      return { size: stored.bytes.length, checksums: { sha256: stored.sha256.slice().buffer } };
    });
  }

  get(key: string, { range }: { range: { offset: number; length: number } }): Promise<object | null> {
    return this.#answer('get', () => {
      const stored = this.objects.get(key);
      if (stored === undefined) return null;
      const part = stored.bytes.slice(range.offset, range.offset + range.length);
      return { arrayBuffer: () => Promise.resolve(part.buffer) };
    });
  }

  list({ prefix, limit }: { prefix: string; limit: number }): Promise<object> {
    return this.#answer('list', () => {
      const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
      return { objects: keys.slice(0, limit).map((key) => ({ key })), truncated: keys.length > limit };
    });
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#answer('delete', () => {
      for (const key of keys) this.objects.delete(key);
    });
  }

  async #answer<Result>(call: string, work: () => Result): Promise<Result> {
    await Promise.resolve();
    this.onStep(call, 'before');
    const result = work();
    this.onStep(call, 'after');
    return result;
  }
}
