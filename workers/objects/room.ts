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

/** Gives back what an object had. What is not told is found by a count of the bucket. */
export async function freeRoom(env: Env, namespace: string, bytes: number): Promise<void> {
  if (bytes === 0) return;
  try {
    await topologyStub(env, namespace).changeObjectBytes(-bytes);
  } catch (error) {
    console.error('the topology could not be told of room', error);
  }
}

/** Takes room, and gives it back unless the work has used it: `isUsed` of its result, or an error. */
export async function withRoom<Result>(
  env: Env,
  namespace: string,
  bytes: number,
  isUsed: (result: Result) => boolean,
  work: () => Promise<Result>,
): Promise<Result | Failure> {
  const refused = await takeRoom(env, namespace, bytes);
  if (refused) return refused;
  const isLimited = publishLimitsOf(namespace).storedBytesMax !== undefined;
  try {
    const result = await work();
    if (isLimited && !isUsed(result)) await freeRoom(env, namespace, bytes);
    return result;
  } catch (error) {
    if (isLimited) await freeRoom(env, namespace, bytes);
    throw error;
  }
}
