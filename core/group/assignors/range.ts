/**
 * Range: of each topic the subscribers get a run of neighbouring partitions, the first ones one more if it does not
 * divide evenly. Partitions of the same number of topics of the same size land on one member, for joining them by key.
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
