/**
 * Classic calls of a group: requests of members that assign partitions themselves. The rules are in core/group/classic. A join or a sync
 * that has to wait for others is held here until they have come or its time is over. It is lost if the object ends; members join again
 * then.
 */

import { emptyClassicGroup, woken } from '../../core/group/classic/classic-group.ts';
import {
  claimed,
  expireClassic,
  heartbeatClassic,
  joinClassic,
  leaveClassic,
  nextClassicMs,
  syncClassic,
} from '../../core/group/classic/transitions.ts';
import type { ClassicJoin, Joined, MemberClaim, Step, Synced } from '../../core/group/classic/step.ts';
import {
  isEmpty,
  knownRef,
  memberCount,
  own,
  type GroupState,
  type TopicRef,
} from '../../core/group/group-state.ts';
import { noteTopics } from '../../core/group/target.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { ClassicAnswer, ClassicRequest } from '../rpc/group.ts';
import { notEmpty } from './group-refusals.ts';

export interface ClassicHost {
  group(): GroupState;
  now(): number;
  /** Refuses a group that may not be made. */
  noteFirstUse(namespace: string, name: string): Promise<Failure | null>;
  save(): void;
  /** Runs `expire` at that time; null: not. */
  schedule(dueMs: number | null): void;
}

/** Of a member id, which says whose it is. A request takes ids of 512 characters. */
const ID_PREFIX_LENGTH_MAX = 256;

type Waiting<Reply> = Map<string, PromiseWithResolvers<Reply | Failure>>;

export class ClassicCalls {
  readonly #host: ClassicHost;
  readonly #joins: Waiting<Joined> = new Map();
  readonly #syncs: Waiting<Synced> = new Map();

  constructor(host: ClassicHost) {
    this.#host = host;
  }

  /** After the state was read from storage. */
  woke(): void {
    const { classic } = this.#host.group();
    if (!classic) return;
    woken(classic, this.#host.now());
    this.#host.schedule(nextClassicMs(classic));
  }

  async call(namespace: string, name: string, request: ClassicRequest): Promise<ClassicAnswer | Failure> {
    if (request.action === 'join') {
      // Who is only given an id makes no group.
      const isFirstStep = request.memberId === '' && request.needsId && request.instanceId === null;
      const unfit = this.#refusalOfFirst(request);
      if (unfit && !isFirstStep) return unfit;
      const refused = isFirstStep ? null : await this.#host.noteFirstUse(namespace, name);
      if (refused) return refused;
      const group = this.#host.group();
      if (memberCount(group) > 0) {
        return failure(
          'inconsistent_protocol',
          'the broker assigns the partitions of this group; leave it first',
        );
      }
      if (!isFirstStep) Object.assign(group, { namespace, name });
      const prefix = request.instanceId ?? (request.clientId || 'member');
      const newId = `${prefix.slice(0, ID_PREFIX_LENGTH_MAX).toWellFormed()}-${crypto.randomUUID()}`;
      const joined = this.#step((classic, step) => joinClassic(classic, step, request, newId));
      const waitsAs = request.memberId || newId;
      const reply = joined ?? (await this.#wait(this.#joins, waitsAs));
      return isFailure(reply) ? reply : { joined: reply };
    }
    if (request.action === 'sync') {
      const synced = this.#step((classic, step) => syncClassic(classic, step, request));
      const reply = synced ?? (await this.#wait(this.#syncs, request.memberId));
      return isFailure(reply) ? reply : { synced: reply };
    }
    if (request.action === 'heartbeat') {
      return this.#step((classic, step) => heartbeatClassic(classic, step, request)) ?? {};
    }
    return {
      left: this.#step((classic, step) =>
        request.members.map((member) => leaveClassic(classic, step, member)),
      ),
    };
  }

  async admitCommit(
    namespace: string,
    name: string,
    given: MemberClaim | 'anybody' | null,
    topics: Record<string, TopicRef>,
    mayMake: boolean,
  ): Promise<{ epoch: number; isAssigned?: true } | Failure> {
    const claim = given === 'anybody' ? null : given;
    if (claim !== null && own(this.#host.group().members, claim.memberId))
      return { epoch: claim.generation, isAssigned: true };
    if (claim === null && !mayMake && this.#host.group().epoch === 0) return { epoch: 0 };
    if (claim === null) {
      const refused = await this.#host.noteFirstUse(namespace, name);
      if (refused) return refused;
    }
    const group = this.#host.group();
    const isTaken = given === 'anybody' ? Object.keys(group.members).length > 0 : !isEmpty(group);
    if (claim === null && isTaken) return notEmpty(group);
    if (claim !== null) {
      const refused = this.#step((classic, step) => {
        const member = claimed(classic, claim);
        if (isFailure(member)) return member;
        if (classic.phase === 'completing') {
          return failure(
            'rebalance_in_progress',
            'the member has yet to learn what it is assigned; join again',
          );
        }
        member.expiresMs = step.nowMs + member.sessionTimeoutMs;
        return null;
      });
      if (refused) return refused;
    }
    const isNew = Object.entries(topics).some(([topic, { id }]) => knownRef(group, topic)?.id !== id);
    if (group.epoch === 0) Object.assign(group, { namespace, name, epoch: 1, targetEpoch: 1 });
    else if (!isNew) return { epoch: group.epoch };
    noteTopics(group, topics);
    this.#host.save();
    return { epoch: group.epoch };
  }

  /** Runs what is due, and schedules what is due next. */
  expire(): void {
    if (this.#host.group().classic) this.#step(expireClassic);
  }

  /** The group is deleted. */
  clear(): void {
    const gone = failure('member_not_found', 'the group was deleted; join again');
    for (const { resolve } of [...this.#joins.values(), ...this.#syncs.values()]) resolve(gone);
    this.#joins.clear();
    this.#syncs.clear();
  }

  /** Why a group cannot begin with this join; null if it can, or has begun. */
  #refusalOfFirst(request: ClassicJoin): Failure | null {
    const group = this.#host.group();
    if (group.epoch > 0 || memberCount(group) > 0) return null;
    const trial: Step = { nowMs: this.#host.now(), nextEpoch: () => 1, answers: [], isChanged: false };
    const joined = joinClassic(
      structuredClone(group.classic ?? emptyClassicGroup()),
      trial,
      request,
      'trial',
    );
    return isFailure(joined) ? joined : null;
  }

  #step<Result>(run: (classic: NonNullable<GroupState['classic']>, step: Step) => Result): Result {
    const group = this.#host.group();
    const classic = (group.classic ??= emptyClassicGroup());
    const step: Step = {
      nowMs: this.#host.now(),
      nextEpoch: () => (group.targetEpoch = group.epoch += 1),
      answers: [],
      isChanged: false,
    };
    const result = run(classic, step);
    if (step.isChanged) this.#host.save();
    this.#host.schedule(nextClassicMs(classic));
    // Those who wait for the step itself are noted only after it.
    queueMicrotask(() => {
      for (const answer of step.answers) {
        if ('joined' in answer) this.#answer(this.#joins, answer.memberId, answer.joined);
        else this.#answer(this.#syncs, answer.memberId, answer.synced);
      }
    });
    return result;
  }

  #answer<Reply>(waiting: Waiting<Reply>, memberId: string, reply: Reply | Failure): void {
    waiting.get(memberId)?.resolve(reply);
    waiting.delete(memberId);
  }

  async #wait<Reply>(waiting: Waiting<Reply>, memberId: string): Promise<Reply | Failure> {
    // The client has asked again; its first request has nobody who listens.
    this.#answer(waiting, memberId, failure('rebalance_in_progress', 'the member has asked again meanwhile'));
    const own = Promise.withResolvers<Reply | Failure>();
    waiting.set(memberId, own);
    return await own.promise;
  }
}
