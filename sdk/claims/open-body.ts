/** Opening of claims: gets the body that a record or a message refers to, and checks that it is that body. */

import type { Transport } from '../client/transport.ts';
import { asPosthornError, PosthornError } from '../errors.ts';
import type { BodyClaim } from './claim.ts';
import { sha256Of } from './sha256.ts';
import { bodyTimeoutMs } from './store-body.ts';

export interface BodyOptions {
  /**
   * Bodies that were too large for their messages: `load` (default): they are there when the message is. `claim`: they are not,
   * and `claim` says where they are, for `posthorn.objects.stream(claim)`.
   */
  bodies?: 'load' | 'claim';
}

/** @throws PosthornError `object_not_found`, `body_differs` */
export async function fetchClaimed(
  transport: Transport,
  { object, bytes, sha256 }: BodyClaim,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const timeoutMs = bodyTimeoutMs(transport.config.timeoutMs, bytes);
  const call = { method: 'GET' as const, path: `/objects/${encodeURIComponent(object)}`, timeoutMs, signal };
  const body = await transport.read(call, (reply) => reply.bytes);
  if (body.length === bytes && (await sha256Of(body)) === sha256) return body;
  throw bodyDiffers(object);
}

export function bodyDiffers(object: string): PosthornError {
  return new PosthornError('body_differs', `object "${object}" is not the body that the message refers to`);
}

/**
 * Puts the body into the member of that name. If there is none, because the object has vanished or is another, whoever reads the
 * member gets the error: a handler then fails, and its message goes the way of failed messages.
 *
 * @throws PosthornError of temporary failures
 */
export async function openBody<Name extends string>(
  transport: Transport,
  holder: { readonly claim: BodyClaim | undefined } & { readonly [name in Name]: Uint8Array | null },
  name: Name,
  signal?: AbortSignal,
): Promise<void> {
  const { claim } = holder;
  if (claim === undefined) return;
  try {
    const value = await fetchClaimed(transport, claim, signal);
    Object.defineProperty(holder, name, { value, configurable: true, enumerable: true });
  } catch (cause) {
    const error = asPosthornError(cause);
    if (error.retryable || error.code === 'aborted') throw error;
    const get = (): never => {
      throw error;
    };
    Object.defineProperty(holder, name, { get, configurable: true, enumerable: true });
  }
}

/** Lets go of a body that `openBody` has put there: the holder is kept until it is settled. */
export function forgetBody<Name extends string>(
  holder: { readonly claim: BodyClaim | undefined } & { readonly [name in Name]: Uint8Array | null },
  name: Name,
): void {
  if (holder.claim !== undefined)
    Object.defineProperty(holder, name, { value: null, configurable: true, enumerable: true });
}
