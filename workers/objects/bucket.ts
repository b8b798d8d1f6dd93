/** Bucket: the R2 bucket of the deployment, and what its errors mean to a caller. */

import type { Env } from '../../durable-objects/env.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';

/** R2's codes, which stand at the end of its messages (https://developers.cloudflare.com/r2/api/error-codes/). */
const BAD_DIGEST = '10037';
const NO_SUCH_UPLOAD = '10024';
const INVALID_PART = '10025';

/** Unauthorized, access denied, no such bucket, not entitled: to send the request again does not help. */
const REFUSED = new Set(['10002', '10003', '10006', '10042']);

function bucketOf({ OBJECTS }: Env): R2Bucket | Failure {
  return (
    OBJECTS ??
    failure(
      'objects_unbound',
      'this broker has no bucket for bodies above the size of a message. To bind one: `npx wrangler r2 bucket create posthorn-objects`, then [[r2_buckets]] with binding = "OBJECTS" in wrangler.toml',
    )
  );
}

/** Asks the bucket something. What the bucket or the client did wrong is a failure. */
export async function askBucket<Answer>(
  env: Env,
  ask: (bucket: R2Bucket) => Promise<Answer>,
): Promise<Answer | Failure> {
  const bucket = bucketOf(env);
  if (isFailure(bucket)) return bucket;
  try {
    return await ask(bucket);
  } catch (error) {
    return failureOf(error);
  }
}

export const isMissingUpload = (error: unknown): boolean => codeOf(error) === NO_SUCH_UPLOAD;
export const isMissingPart = (error: unknown): boolean => codeOf(error) === INVALID_PART;

function codeOf(error: unknown): string | undefined {
  return /\((\d{5})\)/.exec(error instanceof Error ? error.message : '')?.[1];
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (code === BAD_DIGEST)
    return failure('digest_mismatch', 'the body has another SHA-256 than `sha256`; nothing is stored');
  if (code !== undefined && REFUSED.has(code)) {
    console.error('the bucket for objects refuses the broker', error);
    return failure('objects_refused', `the bucket that is bound as OBJECTS refuses the broker: ${message}`);
  }
  if (code === undefined && /connection|disconnect|stream|length/i.test(message))
    return failure('incomplete_request', 'the connection ended before the body did; send the request again');
  console.error('the bucket for objects failed', error);
  return failure('unavailable', 'the bucket for objects did not answer; send the request again');
}
