/** Group refusals: the failures of groups, and their messages. */

import type { GroupState } from '../../core/group/group-state.ts';
import { failure, type Failure } from '../../protocol/errors.ts';

export function noSuchGroup(): Failure {
  return failure('group_not_found', 'there is no such group; the first member that joins creates it');
}

export function notEmpty(group: GroupState): Failure {
  const count = Object.keys(group.members).length + Object.keys(group.classic?.members ?? {}).length;
  return failure('group_not_empty', `the group has ${count} members; stop them, or remove them`, {
    members: count,
  });
}

export function assignedByMembers(): Failure {
  return failure(
    'inconsistent_protocol',
    'the members of this group assign its partitions themselves; stop them first',
  );
}

export function unfenced(memberId: string): Failure {
  return failure(
    'group_unavailable',
    `member ${memberId} is being removed, but not all of its partitions could be told; try again`,
  );
}
