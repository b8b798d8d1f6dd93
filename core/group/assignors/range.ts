/**
 * Range: the subscribers of each topic get runs of neighbouring partitions. If the number does not divide evenly, the
 * first ones get one more. Equal partition numbers of topics of the same size go to one member, which allows joins by
 * key.
 */

import { ordered, type Assignment, type AssignorInput } from './assignor.ts';

export function assignRange(input: AssignorInput): Assignment {
  const { members, topics } = ordered(input);
  const assignment: Assignment = new Map(members.map(({ id }) => [id, []]));
  for (const { name, partitions, subscribers } of topics) {
    const each = Math.floor(partitions / subscribers.length);
    const larger = partitions % subscribers.length;
    let partition = 0;
    subscribers.forEach((subscriber, nth) => {
      const list = assignment.get(members[subscriber]!.id)!;
      const end = partition + each + (nth < larger ? 1 : 0);
      for (; partition < end; partition++) list.push(`${name}/${partition}`);
    });
  }
  return assignment;
}
