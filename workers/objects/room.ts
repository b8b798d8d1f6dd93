/** Room for objects: tells the topology what comes to the bucket and what goes, where the namespace has a quota of stored bytes. */

import type { Env } from '../../durable-objects/env.ts';
import { topologyStub } from '../../durable-objects/stubs.ts';
import type { Failure } from '../../protocol/errors.ts';
import { publishLimitsOf } from '../access/directory-cache.ts';

/** Takes room for an object. Returns why there is none; null if it may be stored, also if the topology cannot be reached. */
export async function takeRoom(env: Env, namespace: string, bytes: number): Promise<Failure | null> {
  if (bytes === 0 || publishLimitsOf(namespace).storedBytesMax === undefined) return null;
  try {
    return await topologyStub(env, namespace).changeObjectBytes(bytes);
  } catch (error) {
    console.error('the topology could not be asked for room', error);
    return null;
  }
}

/**
 * Gives back what an object had. What is not told is found by a count of the bucket.
 * @param gone names what has gone, if somebody else may delete the same at the same time
 */
export async function freeRoom(env: Env, namespace: string, bytes: number, gone?: string): Promise<void> {
  if (bytes === 0) return;
  try {
    await topologyStub(env, namespace).changeObjectBytes(-bytes, gone);
  } catch (error) {
    console.error('the topology could not be told of room', error);
  }
}

/**
 * Takes room, and gives it back unless the work has used it.
 *
 * @param isUsed of its result; undefined after an error, which may be a lost reply. If that cannot be told, the room stays taken: a
 *   sum that is too high fills the namespace, and a count of the bucket mends it, while nothing would mend one that is too low
 */
export async function withRoom<Result>(
  env: Env,
  namespace: string,
  bytes: number,
  isUsed: (result: Result | undefined) => boolean | Promise<boolean>,
  work: () => Promise<Result>,
): Promise<Result | Failure> {
  const refused = await takeRoom(env, namespace, bytes);
  if (refused) return refused;
  const isLimited = publishLimitsOf(namespace).storedBytesMax !== undefined;
  let result: Result | undefined;
  try {
    return (result = await work());
  } finally {
    if (isLimited && !(await isUsed(result))) await freeRoom(env, namespace, bytes);
  }
}

/** Returns true unless the bucket has nothing at a key, also if it does not answer. */
export async function mayExist(bucket: R2Bucket, key: string): Promise<boolean> {
  try {
    return (await bucket.head(key)) !== null;
  } catch {
    return true;
  }
}
