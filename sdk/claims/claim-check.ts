/**
 * Claim check: stores bodies that are too large for a message as objects before their messages go. The messages of one destination
 * keep their order: those that come later wait for the uploads before them.
 */

import { RECORD_BYTES_MAX } from '../../protocol/limits.ts';
import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { DAY_MS, objectId } from '../../protocol/names/object-id.ts';
import type { Transport } from '../client/transport.ts';
import { PosthornError } from '../errors.ts';
import { claimText } from './claim.ts';
import { sha256Of } from './sha256.ts';
import { storeBody } from './store-body.ts';

export interface ClaimOptions {
  /**
   * Bodies of more bytes go to the broker's bucket as objects, and consumers get them back. Default 262,144. `Infinity`: none
   * does. Without a bucket, or without the right to `write` objects, bodies stay limited to the size of a message.
   */
  claimCheckBytes?: number;
  /** How long such an object lives at least, in ms. Default 604,800,000: seven days. The retention of a topic and the TTL of a queue make it longer. */
  claimTtlMs?: number;
}

export const CLAIM_DEFAULTS = { claimCheckBytes: 256 * 1024, claimTtlMs: 7 * DAY_MS };

/** Uploads under way at once. */
const UPLOADS_MAX = 4;

/** With these the body goes in the message, if it fits. */
const UNAVAILABLE = new Set(['objects_unbound', 'objects_refused', 'route_not_found', 'forbidden']);

export class ClaimCheck {
  readonly #transport: Transport;
  readonly #options: Required<ClaimOptions> & { signal?: AbortSignal | undefined };
  /** The last that waits of each destination where an upload is under way. */
  readonly #lines = new Map<string, Promise<void>>();
  #uploads = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(transport: Transport, options: Required<ClaimOptions> & { signal?: AbortSignal | undefined }) {
    this.#transport = transport;
    this.#options = options;
  }

  /** Returns true if the body goes to the bucket. */
  isLarge(body: Uint8Array | null): body is Uint8Array {
    return body !== null && body.length > this.#options.claimCheckBytes;
  }

  get isBusy(): boolean {
    return this.#lines.size > 0;
  }

  /** Returns true if something for the destination waits for an upload. */
  hasLine(key: string): boolean {
    return this.#lines.size > 0 && this.#lines.has(key);
  }

  /** Resolves when no uploads are under way. */
  async settled(): Promise<void> {
    while (this.#lines.size > 0) await Promise.all(this.#lines.values());
  }

  /** Runs `prepare` at once, and `go` when that and everything before it for the destination is done. */
  inTurn<Prepared, Result>(
    key: string,
    prepare: () => Promise<Prepared>,
    go: (prepared: Prepared) => Promise<Result>,
  ): Promise<Result> {
    const before = this.#lines.get(key);
    const prepared = prepare();
    prepared.catch(() => {}); // told when it is its turn
    const turn = before === undefined ? prepared : before.then(() => prepared);
    const sent = turn.then(go);
    const line: Promise<void> = turn
      .then(
        () => {},
        () => {},
      )
      .then(() => {
        if (this.#lines.get(key) === line) this.#lines.delete(key);
      });
    this.#lines.set(key, line);
    return sent;
  }

  /**
   * Stores a body, and returns the text of its claim; null if it has to go in the message, because there is no bucket.
   *
   * @param ttl how long what refers to it may live, in ms; null: without end, undefined: unknown
   */
  async upload(
    body: Uint8Array,
    contentType: string | undefined,
    ttl: () => Promise<number | null | undefined>,
  ): Promise<string | null> {
    if (this.#uploads >= UPLOADS_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#uploads++;
    try {
      return await this.#upload(body, contentType, ttl);
    } finally {
      this.#uploads--;
      this.#waiting.shift()?.();
    }
  }

  async #upload(
    body: Uint8Array,
    contentType: string | undefined,
    ttl: () => Promise<number | null | undefined>,
  ): Promise<string | null> {
    const { claimTtlMs, signal } = this.#options;
    try {
      const asked = await ttl();
      const ttlMs = asked === null ? null : Math.max(claimTtlMs, asked ?? 0) + DAY_MS;
      const object = objectId(crypto.randomUUID().replaceAll('-', ''), Date.now(), ttlMs);
      const sha256 = await sha256Of(body);
      await storeBody(this.#transport, {
        object,
        body,
        contentType: contentType ?? BYTES_TYPE,
        sha256,
        signal,
      });
      return claimText({
        object,
        bytes: body.length,
        sha256,
        ...(contentType !== undefined && { contentType }),
      });
    } catch (error) {
      if (!(error instanceof PosthornError) || !UNAVAILABLE.has(error.code)) throw error;
      if (body.length < RECORD_BYTES_MAX) return null;
      throw new PosthornError(
        'record_too_large',
        `the body has ${body.length} bytes, a message at most ${RECORD_BYTES_MAX}, and it cannot go to the bucket: ${error.message}`,
        { details: { bytes_max: RECORD_BYTES_MAX }, cause: error },
      );
    }
  }
}
