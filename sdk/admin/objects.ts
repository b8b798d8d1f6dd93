/** Objects: bodies that are too large for a message, in the bucket of the broker. */

import { BYTES_TYPE } from '../../protocol/headers/media-types.ts';
import { OBJECT_ID_PATTERN, OBJECT_ID_RULE } from '../../protocol/names/object-id.ts';
import type { ObjectList, ObjectReply } from '../../protocol/schemas/objects.ts';
import type { BodyClaim } from '../claims/claim.ts';
import { bodyDiffers } from '../claims/open-body.ts';
import { sha256Of } from '../claims/sha256.ts';
import { storeBody } from '../claims/store-body.ts';
import { errorOfReply } from '../client/http/reply-error.ts';
import { builtin, isNode } from '../client/node-platform.ts';
import type { CallOptions } from '../client/options.ts';
import { invalidArgument } from '../errors.ts';
import type { Transport } from '../client/transport.ts';

/** An object, without its bytes. */
export interface StoredObject {
  object: string;
  bytes: number;
  contentType: string;
  /** SHA-256 in hexadecimal, if it was sent with the object. */
  sha256?: string;
  /** In ms since 1970. */
  storedAt: number;
  /** In ms since 1970; null: it does not expire. */
  expiresAt: number | null;
}

export class Objects {
  readonly #transport: Transport;

  /** Made by `Posthorn`. */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Stores an object. It never changes: the same bytes may be put again, others are refused. One of more than 32 MiB goes in parts,
   * of which one that fails is sent again; nobody sees the object before it is complete.
   *
   * @param id a day and a name: it exists until the end of that day in UTC, or without end as `forever.<name>`
   * @param body bytes, or a `Blob`, which is read while it is sent (`openAsBlob` of Node for a file)
   * @param options `sha256` in hexadecimal; by default that of bytes, and none of a `Blob` of more than 32 MiB
   * @throws PosthornError `object_differs`, `objects_unbound`, `request_too_large`, `quota`
   * @example await posthorn.objects.put('2026-12-31.photo-7', bytes, { contentType: 'image/png' });
   */
  async put(
    id: string,
    body: Uint8Array | Blob,
    { contentType = BYTES_TYPE, ...options }: CallOptions & { contentType?: string; sha256?: string } = {},
  ): Promise<StoredObject> {
    checkId(id);
    const sha256 = options.sha256 ?? (body instanceof Uint8Array ? await sha256Of(body) : undefined);
    return storedObject(
      await storeBody(this.#transport, { object: id, body, contentType, ...options, sha256 }),
    );
  }

  /** Returns all bytes of an object. @throws PosthornError `object_not_found` */
  async get(id: string, options: CallOptions = {}): Promise<Uint8Array> {
    const call = { method: 'GET' as const, path: pathOf(id), ...options };
    return await this.#transport.read(call, ({ bytes }) => bytes);
  }

  /**
   * Returns an object as a stream. With the claim of a message, its length is checked at the end, and on Node its SHA-256 too: a
   * stream of other bytes ends with the error `body_differs`.
   *
   * @throws PosthornError `object_not_found`
   * @example for await (const piece of await posthorn.objects.stream(message.claim!)) file.write(piece);
   */
  async stream(
    what: string | BodyClaim,
    { signal }: Pick<CallOptions, 'signal'> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const { config } = this.#transport;
    const path = pathOf(typeof what === 'string' ? what : what.object);
    const init = { headers: await config.headers(), ...(signal && { signal }) };
    const response = await config.fetch(`${config.baseUrl}${path}`, init);
    if (!response.ok) {
      const { status, headers } = response;
      const bytes = new Uint8Array(await response.arrayBuffer());
      throw errorOfReply(`GET ${path}`, { status, headers, bytes });
    }
    const body = response.body ?? new Blob().stream();
    return typeof what === 'string' ? body : body.pipeThrough(checked(what));
  }

  /** All objects of the namespace; what expires first comes first. */
  async list(options: CallOptions = {}): Promise<StoredObject[]> {
    const all: StoredObject[] = [];
    for (let after: string | undefined; ;) {
      const call = { method: 'GET' as const, path: '/objects', query: { after }, ...options };
      const page = await this.#transport.json<ObjectList>(call);
      all.push(...page.objects.map((object) => storedObject(object)));
      if (page.next === undefined) return all;
      after = page.next;
    }
  }

  /** Deletes an object before it expires. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete({ path: pathOf(id), ...options }, 'object_not_found');
  }
}

function pathOf(id: string): string {
  checkId(id);
  return `/objects/${id}`;
}

function checkId(id: string): void {
  if (OBJECT_ID_PATTERN.test(id)) return;
  throw invalidArgument(`object ${JSON.stringify(id)}: expected ${OBJECT_ID_RULE}`);
}

interface Hash {
  update(piece: Uint8Array): void;
  digest(encoding: 'hex'): string;
}

function checked({ object, bytes, sha256 }: BodyClaim): TransformStream<Uint8Array, Uint8Array> {
  const hash = isNode
    ? builtin<{ createHash: (name: string) => Hash }>('node:crypto').createHash('sha256')
    : null;
  let length = 0;
  return new TransformStream({
    transform: (piece, controller) => {
      length += piece.length;
      hash?.update(piece);
      controller.enqueue(piece);
    },
    flush: () => {
      if (length !== bytes || (hash !== null && hash.digest('hex') !== sha256)) throw bodyDiffers(object);
    },
  });
}

function storedObject(reply: ObjectReply): StoredObject {
  const { content_type: contentType, stored_at: storedAt, expires_at: expiresAt, ...fields } = reply;
  return { ...fields, contentType, storedAt, expiresAt } as StoredObject;
}
