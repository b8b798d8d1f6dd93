/**
 * Calls of a group. Groups are itty-durable objects: a call is a request with the method in its path and the arguments
 * as JSON, and so is the answer.
 */

import { failure, type Failure } from '../protocol/errors.ts';
import type { Env } from './env.ts';
import type { GroupMethods } from './rpc/group.ts';
import { groupStub } from './stubs.ts';

type Answer<Name extends keyof GroupMethods> = ReturnType<GroupMethods[Name]>;

/** A group that cannot be reached is a failure; what it refuses is one too. */
export async function callGroup<Name extends keyof GroupMethods>(
  env: Env,
  namespace: string,
  group: string,
  method: Name,
  ...args: Parameters<GroupMethods[Name]>
): Promise<Answer<Name> | Failure> {
  try {
    const response = await groupStub(env, namespace, group).fetch(`https://group/${method}`, {
      method: 'POST',
      body: JSON.stringify(args),
    });
    if (response.ok) return await response.json<Answer<Name>>();
    console.error(`${method} of group ${group} failed: ${await response.text()}`);
  } catch (error) {
    console.error(`${method} of group ${group} failed`, error);
  }
  return failure('group_unavailable', `group "${group}" did not answer; try again`);
}
