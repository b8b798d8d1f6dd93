/**
 * A group, its partitions and its members, as one seeded run: messages are late, lost, doubled and overtake each other;
 * processes crash, pause and come back; the group's object leaves memory and its clock jumps. After every step the
 * promises are checked: see `check` and the places that throw.
 */

import {
  assignmentOf,
  emptyGroup,
  isStable,
  keyOf,
  type GroupState,
  type PartitionKey,
  type TopicRef,
} from '../../../../core/group/group-state.ts';
import { noteSeen, sweep, type Lives } from '../../../../core/group/liveness.ts';
import {
  checkEpoch,
  fenced,
  findMember,
  heartbeat,
  join,
  ownershipsOf,
  remove,
} from '../../../../core/group/membership.ts';
import { checkClaim, type Claim } from '../../../../core/group/offsets.ts';
import { isFailure } from '../../../../protocol/errors.ts';
import { ASSIGNORS } from '../../../../protocol/schemas/groups.ts';
import { acceptChecked, checkOwners, targetFor } from './simulated-group.ts';
import { SimulatedPartition } from './simulated-partition.ts';
import { SimulatedTime } from './simulated-time.ts';

const SESSION_MS = 1_000;

interface Process {
  name: string;
  instanceId: string | null;
  memberId: string | null;
  epoch: number;
  assigned: Set<PartitionKey>;
  /** Revoked, and still worked on. */
  finishing: Set<PartitionKey>;
  state: 'running' | 'paused' | 'crashed';
  isCutOff: boolean;
  intervalMs: number;
  isJoining: boolean;
}

export class Simulation {
  readonly #time: SimulatedTime;
  steps = 0;
  group: GroupState = emptyGroup();
  #stored = JSON.stringify(emptyGroup());
  #lives: Lives = new Map();
  #clockAheadMs = 0;
  #nextMember = 0;
  #topologyVersion = 1;
  readonly topics: Record<string, TopicRef> = { a: ref(1, 4), b: ref(2, 3) };
  readonly partitions = new Map<PartitionKey, SimulatedPartition>();
  readonly processes: Process[] = [];
  /** Members of which anybody has been told that they are gone. */
  readonly #knownGone = new Set<string>();
  isCalm = false;
  counts = { fencedCommits: 0, targets: 0 };
  readonly trace: string[] = [];

  constructor(seed: number) {
    this.#time = new SimulatedTime(seed);
    this.#makePartitions();
    const count = 2 + this.#time.below(4);
    for (let nth = 0; nth < count; nth++) this.#addProcess();
    this.#time.repeat(200, () => this.#disturb());
    this.#time.repeat(40, () => this.#produce());
    this.#time.repeat(300, () => this.#sweep()); // late alarms
    this.#time.repeat(150, () => this.#tellPartitions());
  }

  run(untilMs: number): void {
    this.#time.run(untilMs, () => {
      this.steps += 1;
      this.#check();
    });
  }

  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** The network heals, everybody runs, and nothing new is produced. */
  calm(): void {
    this.isCalm = true;
    for (const process of this.processes) {
      process.isCutOff = false;
      process.intervalMs = 200;
      if (process.state !== 'running') this.#start(process);
    }
  }

  /** What has to be so some time after it has become calm. */
  checkQuiet(): void {
    if (!isStable(this.group)) throw new Error('the group does not come to rest');
    const owned = Object.values(this.group.members).flatMap((member) => assignmentOf(member).map(keyOf));
    if (owned.toSorted().join() !== [...this.partitions.keys()].toSorted().join()) {
      throw new Error(`partitions without exactly one owner when quiet: ${owned.toSorted().join()}`);
    }
    for (const [key, partition] of this.partitions) partition.checkQuiet(key);
  }

  #check(): void {
    checkOwners(this.group);
    // What processes believe: of those that the group still counts as members, no two work on one partition.
    const holders = new Map<PartitionKey, string>();
    for (const { memberId, assigned, finishing } of this.processes) {
      if (memberId === null || !this.group.members[memberId]) continue;
      for (const key of new Set([...assigned, ...finishing])) {
        if (holders.has(key)) throw new Error(`${key} is worked on by ${holders.get(key)} and ${memberId}`);
        holders.set(key, memberId);
      }
    }
  }

  // The group's object and the router

  #save(): void {
    this.#stored = JSON.stringify(this.group);
  }

  #groupNow(): number {
    return this.nowMs + this.#clockAheadMs;
  }

  #sweep(): void {
    if (sweep(this.group, this.#lives, this.#groupNow()).isChanged) this.#save();
  }

  /** What is not saved is lost: each call saves before its answer leaves. */
  #evict(): void {
    this.group = JSON.parse(this.#stored) as GroupState;
    this.#lives = new Map();
  }

  /** Partitions are told, one by one, and it may fail; each may have been told more than once. */
  #tellPartitions(): void {
    const [entry] = Object.entries(this.group.fencing);
    if (!entry) return;
    const [memberId, { epoch, partitions }] = entry;
    for (const key of partitions) {
      if (!this.isCalm && this.#time.chance(0.2)) return; // unreachable: again later
      this.partitions.get(key)!.fence(memberId, epoch);
    }
    fenced(this.group, memberId);
    this.#knownGone.add(memberId);
    this.#save();
  }

  #isGone(memberId: string): boolean {
    if (this.group.members[memberId] || this.group.fencing[memberId]) return false;
    this.#knownGone.add(memberId);
    return true;
  }

  /** Inputs are read at one time, the target accepted at another, if it still fits. */
  #assign(): void {
    const target = targetFor(this.group, this.topics, this.#topologyVersion);
    if (target === null) return;
    this.#time.later(50, () => {
      if (!acceptChecked(this.group, target)) return;
      this.counts.targets += 1;
      this.#save();
    });
  }

  // Processes

  #addProcess(): void {
    const nth = this.processes.length;
    const process: Process = {
      name: `p${nth}`,
      instanceId: this.#time.chance(0.4) ? `i${nth}` : null,
      memberId: null,
      epoch: 0,
      assigned: new Set(),
      finishing: new Set(),
      state: 'running',
      isCutOff: false,
      intervalMs: 150 + this.#time.below(500), // clocks run at different speeds
      isJoining: false,
    };
    this.processes.push(process);
    const tick = (): void => {
      if (process.state === 'running') this.#act(process);
      this.#time.after(process.intervalMs * (0.5 + this.#time.random()), tick);
    };
    this.#time.after(this.#time.below(300), tick);
  }

  #start(process: Process): void {
    // A process that was paused still believes what it knew; one that crashed knows nothing.
    if (process.state === 'crashed') this.#forget(process);
    process.state = 'running';
  }

  #forget(process: Process): void {
    Object.assign(process, { memberId: null, epoch: 0, isJoining: false });
    process.assigned = new Set();
    process.finishing = new Set();
  }

  #act(process: Process): void {
    if (process.memberId === null) {
      if (!process.isJoining) this.#join(process);
      return;
    }
    this.#beat(process);
    for (const key of process.assigned) this.#fetch(process, key);
    for (const key of process.finishing) {
      if (this.#time.chance(0.5)) process.finishing.delete(key);
    }
  }

  #join(process: Process): void {
    process.isJoining = true;
    const answer = (memberId: string): void => {
      if (process.memberId !== null || process.state !== 'running') return;
      process.memberId = memberId;
      process.epoch = this.group.members[memberId]?.joinedEpoch ?? 0;
      process.isJoining = false;
    };
    this.#send(process, () => {
      this.#sweep();
      const member = join(this.group, `m${this.#nextMember++}`, {
        topics: ['a', 'b'],
        pattern: null,
        assignor: this.#time.chance(0.7) ? 'sticky-cooperative' : ASSIGNORS[this.#time.below(3)]!,
        instanceId: process.instanceId,
        rack: null,
        autoOffsetReset: 'earliest',
        topologyVersion: 1,
        sessionTimeoutMs: SESSION_MS,
      });
      if (isFailure(member)) throw new Error(member.message);
      noteSeen(this.group, this.#lives, member.id, this.group.epoch, this.#groupNow());
      this.#save();
      this.#assign();
      this.#send(process, () => answer(member.id));
    });
    this.#time.after(2_000, () => (process.isJoining = false)); // no answer: again, and the other member is left to time out
  }

  #beat(process: Process): void {
    const { memberId, epoch } = process;
    const held = [...process.assigned, ...process.finishing].map((key) => {
      const [topic = '', partition] = key.split('/');
      return { topic, partition: Number(partition) };
    });
    this.#send(process, () => {
      this.#sweep();
      if (this.#isGone(memberId!)) {
        this.#send(process, () => process.memberId === memberId && this.#forget(process));
        return;
      }
      const { shownEpoch = 0 } = this.#lives.get(memberId!) ?? {};
      const beaten = heartbeat(this.group, { memberId: memberId!, epoch, held, shownEpoch });
      if (isFailure(beaten)) return; // an old one that was overtaken, or being fenced
      const struck = noteSeen(this.group, this.#lives, memberId!, epoch, this.#groupNow());
      if (beaten.isChanged || struck) this.#save();
      this.#assign();
      const reply = { epoch: this.group.epoch, assignment: assignmentOf(beaten.member).map(keyOf) };
      this.#send(process, () => this.#learn(process, memberId!, reply));
    });
  }

  #learn(process: Process, memberId: string, reply: { epoch: number; assignment: PartitionKey[] }): void {
    if (process.memberId !== memberId || process.state !== 'running' || reply.epoch < process.epoch) return;
    const now = new Set(reply.assignment);
    for (const key of process.assigned) if (!now.has(key)) process.finishing.add(key);
    for (const key of now) process.finishing.delete(key);
    process.assigned = now;
    process.epoch = reply.epoch;
  }

  /** Through the router: the group says since when the member owns the partition, later the partition is asked. */
  #fetch(process: Process, key: PartitionKey): void {
    const { memberId, epoch } = process;
    this.#send(process, () => {
      const member = findMember(this.group, memberId!);
      if (isFailure(member)) return;
      const since = member.owned[key]?.revoked === 0 ? member.owned[key].since : null;
      if (since === null) return;
      this.#time.later(60, () => {
        const partition = this.partitions.get(key)!;
        const claim: Claim = { memberId: memberId!, epoch: since, isOwner: true };
        if (!this.#claim(partition, claim)) return;
        const from = partition.position();
        const to = Math.min(partition.end, from + 1 + this.#time.below(5));
        this.#send(process, () => {
          if (process.state !== 'running') return;
          for (let offset = from; offset < to; offset++) partition.handled.add(offset);
          if (to > from) this.#commit(process, key, { memberId: memberId!, epoch, isOwner: false }, to);
        });
      });
    });
  }

  #commit(process: Process, key: PartitionKey, claim: Claim, offset: number): void {
    const partition = this.partitions.get(key)!;
    this.#send(process, () => {
      const outcome = checkClaim(partition.row, claim);
      if (outcome !== 'unknown') {
        this.#store(partition, claim, offset);
        return;
      }
      const member = findMember(this.group, claim.memberId);
      if (isFailure(member) || checkEpoch(this.group, member, claim.epoch, member.joinedEpoch)) return;
      const [topic = '', number] = key.split('/');
      const [since] = ownershipsOf(member, [{ topic, partition: Number(number) }]);
      if (since == null || since > claim.epoch) return;
      this.#time.later(60, () => this.#store(partition, { ...claim, epoch: since, isOwner: true }, offset));
    });
  }

  #store(partition: SimulatedPartition, claim: Claim, offset: number): void {
    if (!this.#claim(partition, claim)) return;
    if (this.#knownGone.has(claim.memberId) && partition.hasLost.has(claim.memberId))
      throw new Error(`a commit of ${claim.memberId} was taken, which is gone`);
    partition.commit(claim, offset);
  }

  #claim(partition: SimulatedPartition, claim: Claim): boolean {
    const isIn = partition.claim(claim);
    if (!isIn && this.#knownGone.has(claim.memberId)) this.counts.fencedCommits += 1;
    return isIn;
  }

  // What goes wrong

  #disturb(): void {
    if (this.isCalm) return;
    const process = this.processes[this.#time.below(this.processes.length)]!;
    const kind = this.#time.below(9);
    this.trace.push(`${Math.round(this.nowMs)}: ${kind} ${process.name}`);
    if (kind === 0) process.state = 'crashed';
    else if (kind === 1) process.state = 'paused';
    else if (kind === 2) process.isCutOff = true;
    else if (kind === 3 && this.processes.length < 8) this.#addProcess();
    else if (kind === 4) this.#evict();
    else if (kind === 5) this.#clockAheadMs += this.#time.below(SESSION_MS);
    else if (kind === 6 && this.topics['a']!.partitions < 9) {
      this.topics['a']!.partitions += 1;
      this.#topologyVersion += 1;
      this.#makePartitions();
    } else if (kind === 7) this.#leave(process);
    else {
      process.isCutOff = false;
      this.#start(process);
    }
  }

  #leave(process: Process): void {
    const member = process.memberId === null ? undefined : this.group.members[process.memberId];
    if (!member) return;
    remove(this.group, member);
    this.#lives.delete(member.id);
    this.#save();
    this.#forget(process);
  }

  #produce(): void {
    if (this.isCalm) return;
    const all = [...this.partitions.values()];
    all[this.#time.below(all.length)]!.end += 1 + this.#time.below(4);
  }

  #makePartitions(): void {
    for (const [topic, { partitions }] of Object.entries(this.topics)) {
      for (let partition = 0; partition < partitions; partition++) {
        const key = keyOf({ topic, partition });
        if (this.partitions.has(key)) continue;
        this.partitions.set(key, new SimulatedPartition());
      }
    }
  }

  // Time and the network

  /** Either way: late, perhaps lost, perhaps twice. */
  #send(process: Process, run: () => void): void {
    if (this.isCalm) {
      this.#time.later(20, run);
      return;
    }
    if (process.isCutOff || this.#time.chance(0.08)) return;
    this.#time.later(150, run);
    if (this.#time.chance(0.05)) this.#time.later(800, run);
  }
}

function ref(id: number, partitions: number): TopicRef {
  return { id, partitions, jurisdiction: null, locationHint: null };
}
