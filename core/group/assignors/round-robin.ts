/**
 * Round-robin: deals all partitions of all topics to the members in turn, and skips members that do not subscribe. If
 * all members subscribe to the same topics, the result is balanced within one.
 */

import { ordered, type Assignment, type AssignorInput } from './assignor.ts';

export function assignRoundRobin(input: AssignorInput): Assignment {
  const { members, topics } = ordered(input);
  const assignment: Assignment = new Map(members.map(({ id }) => [id, []]));
  let turn = 0;
  for (const { name, partitions, subscribers } of topics) {
    let nth = firstFrom(subscribers, turn);
    for (let partition = 0; partition < partitions; partition++) {
      const subscriber = subscribers[nth]!;
      assignment.get(members[subscriber]!.id)!.push(`${name}/${partition}`);
      turn = subscriber + 1;
      nth = (nth + 1) % subscribers.length;
    }
  }
  return assignment;
}

/** The index of the first subscriber whose turn comes at or after `turn`. */
function firstFrom(subscribers: readonly number[], turn: number): number {
  const nth = subscribers.findIndex((subscriber) => subscriber >= turn);
  return nth < 0 ? 0 : nth;
}
