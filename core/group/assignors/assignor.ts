/**
 * Assignor: spreads the partitions of topics over the members that subscribe to them. It is pure and deterministic: the
 * same input in any order has the same result. Every partition of a topic with subscribers goes to exactly one of them.
 */

export interface AssignorMember {
  id: string;
  /**
   * The sort key of the member. A replacement with the same instance id has the same key; without an instance id it is
   * the member id.
   */
  orderKey: string;
  topics: readonly string[];
  /** Its previous target, as `topic/partition`. Only sticky assignors use it. */
  current: readonly string[];
}

export interface AssignorTopic {
  name: string;
  partitions: number;
}

export interface AssignorInput {
  members: readonly AssignorMember[];
  topics: readonly AssignorTopic[];
}

/** By member id, as `topic/partition`. Every member has an entry. */
export type Assignment = Map<string, string[]>;

export type Assignor = (input: AssignorInput) => Assignment;

export interface SubscribedTopic extends AssignorTopic {
  /** Indexes into `members`, ascending. */
  subscribers: number[];
}

/** Returns the members and the topics with subscribers, both sorted. Every assignor begins with them. */
export function ordered({ members, topics }: AssignorInput): {
  members: AssignorMember[];
  topics: SubscribedTopic[];
} {
  const inOrder = members.toSorted((a, b) => compare(a.orderKey, b.orderKey) || compare(a.id, b.id));
  const byTopic = new Map<string, number[]>();
  inOrder.forEach((member, index) => {
    for (const topic of new Set(member.topics)) {
      const subscribers = byTopic.get(topic);
      if (subscribers) subscribers.push(index);
      else byTopic.set(topic, [index]);
    }
  });
  return {
    members: inOrder,
    topics: topics
      .filter(({ name, partitions }) => partitions > 0 && byTopic.has(name))
      .toSorted((a, b) => compare(a.name, b.name))
      .map((topic) => ({ ...topic, subscribers: byTopic.get(topic.name)! })),
  };
}

/** By code units: the same everywhere. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
