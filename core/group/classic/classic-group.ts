/**
 * Classic group: a group whose members assign partitions themselves, by Kafka's first protocol. The broker knows no topics of it. It
 * agrees on who is a member, which of the members' protocols is used, and which member, the leader, assigns.
 *
 *   empty        no members. A join begins the first rebalance
 *   preparing    members join, each with its protocols. Ends when all have, or at the deadline, without those that have not
 *   completing   all know the new generation; the leader assigns, the others wait for their share. Ends when it has, or at the deadline
 *   stable       all have what is theirs. A join, a leave or a silent member begins the next rebalance
 *
 * A generation is the epoch of the group in which it began, so a group of the other kind that had the name before cannot be ahead of it.
 *
 * What members say of themselves (metadata, assignments) is bytes in base64 that only they understand.
 */

export type ClassicPhase = 'empty' | 'preparing' | 'completing' | 'stable';

export interface ClassicProtocol {
  name: string;
  metadata: string;
}

export interface ClassicMember {
  id: string;
  instanceId: string | null;
  clientId: string;
  clientHost: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** The one that it likes best first. */
  protocols: ClassicProtocol[];
  assignment: string;
  /** In `preparing`: it has joined. In `completing`: it waits for its assignment. It is not silent meanwhile. */
  isWaiting: boolean;
  /** When it counts as gone. Heartbeats move it in memory alone; an object that wakes gives everybody a new session. */
  expiresMs: number;
}

export interface ClassicGroup {
  phase: ClassicPhase;
  generation: number;
  protocolType: string;
  /** The one in use; empty before the first generation. */
  protocol: string;
  leaderId: string;
  members: Record<string, ClassicMember>;
  /** Ids that were given to clients which have yet to join with them, and until when they are kept. */
  pendingIds: Record<string, number>;
  /** When the phase ends, whoever is missing; null in `empty` and `stable`. */
  deadlineMs: number | null;
  /** The first rebalance waits for its deadline even if all have joined, and each join moves it: others may be about to start. */
  isInitial: boolean;
}

export function emptyClassicGroup(): ClassicGroup {
  return {
    phase: 'empty',
    generation: 0,
    protocolType: '',
    protocol: '',
    leaderId: '',
    members: {},
    pendingIds: {},
    deadlineMs: null,
    isInitial: false,
  };
}

export function membersOf({ members }: ClassicGroup): ClassicMember[] {
  return Object.values(members);
}

/** Ids come from clients. A name such as `constructor` would otherwise find an inherited member. */
export function memberOf({ members }: ClassicGroup, id: string): ClassicMember | undefined {
  return Object.hasOwn(members, id) ? members[id] : undefined;
}

/** After the object was out of memory: what waited is lost, and sessions begin anew. Members find out and join again. */
export function woken(group: ClassicGroup, nowMs: number): void {
  for (const member of membersOf(group)) {
    member.isWaiting = false;
    member.expiresMs = nowMs + member.sessionTimeoutMs;
  }
  group.pendingIds = {};
  if (group.deadlineMs === null) return;
  group.phase = 'preparing';
  group.isInitial = false;
  group.deadlineMs = nowMs + longestRebalance(group);
}

export function longestRebalance(group: ClassicGroup): number {
  return Math.max(0, ...membersOf(group).map(({ rebalanceTimeoutMs }) => rebalanceTimeoutMs));
}

/** The protocol that all members have and that most like best; null if they have none in common. */
export function commonProtocol(members: readonly Pick<ClassicMember, 'protocols'>[]): string | null {
  const [first, ...others] = members;
  if (first === undefined) return null;
  const common = first.protocols
    .map(({ name }) => name)
    .filter((name) => others.every(({ protocols }) => protocols.some((each) => each.name === name)));
  const votes = new Map<string, number>();
  for (const { protocols } of members) {
    const liked = protocols.find(({ name }) => common.includes(name))?.name;
    if (liked !== undefined) votes.set(liked, (votes.get(liked) ?? 0) + 1);
  }
  return common.toSorted((a, b) => (votes.get(b) ?? 0) - (votes.get(a) ?? 0))[0] ?? null;
}
