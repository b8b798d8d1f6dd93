/**
 * Group object, on itty-durable: its whole state is one JSON text of a few KB, written when it changes. The rules are
 * in core/group. This class tells partitions, and keeps time.
 *
 * Heartbeats write nothing: the times of members are in memory (core/group/liveness.ts). The alarm is set when a member
 * joins and during a roll call, not for every session timeout. Any call while members are overdue makes the group
 * notice.
 */

import {
  emptyGroup,
  isClassic,
  isEmpty,
  isStable,
  own,
  refOf,
  type GroupState,
  type TopicRef,
} from '../../core/group/group-state.ts';
import { noSuchNamespace } from '../../core/access/namespace.ts';
import { noteBegun } from '../../core/group/first-sight.ts';
import { nextOverdueMs, noteSeen, sweep, type Lives } from '../../core/group/liveness.ts';
import {
  checkEpoch,
  findMember,
  heartbeat,
  join,
  ownershipsOf,
  remove,
  type JoinRequest,
} from '../../core/group/membership.ts';
import { acceptTarget, assignorOf, noteTopics, type Target } from '../../core/group/target.ts';
import { failure, isFailure, type Failure } from '../../protocol/errors.ts';
import type { TopicPartition } from '../../protocol/schemas/groups.ts';
import { Alarm } from '../runtime/alarm.ts';
import type { Env } from '../env.ts';
import { topologyStub } from '../stubs.ts';
import { ClassicCalls } from './classic-calls.ts';
import { ConsumerCalls } from './consumer-calls.ts';
import { FENCE_RETRY_MS, Fencing } from './fencing.ts';
import { METHODS } from './group-methods.ts';
import { IttyGroup } from './itty-group.ts';
import type { BeatRequest, GroupDescription, MemberView, TargetInputs } from '../rpc/group.ts';
import { heldNow, viewOf } from './member-view.ts';
import { assignedByMembers, noSuchGroup, notEmpty, unfenced } from './group-refusals.ts';
import { readGroup, rowsOf } from './group-rows.ts';

export class Group extends IttyGroup {
  private group: GroupState = emptyGroup();
  private readonly lives: Lives = new Map();
  private readonly since: number;
  private alarms!: Alarm;
  private rowsWritten = 0;
  private calls = 0;
  private isSaving = false;
  private erasures = 0;
  private readonly classicCalls = new ClassicCalls({
    group: () => this.group,
    now: () => Date.now(),
    noteFirstUse: (namespace, name) => this.noteFirstUse(namespace, name),
    save: () => this.save(),
    schedule: (dueMs) => this.alarms.schedule('classic', dueMs),
  });
  private readonly fencing = new Fencing({
    env: this.state.env,
    group: () => this.group,
    save: () => this.save(),
    schedule: (dueMs) => this.alarms.schedule('fencing', dueMs),
  });
  private readonly consumerCalls = new ConsumerCalls({
    lives: this.lives,
    group: () => this.group,
    noteFirstUse: (namespace, name) => this.noteFirstUse(namespace, name),
    save: () => this.save(),
    watch: (dueMs, isNew) => this.watch(dueMs, isNew),
    beat: (request) => this.beat(request),
    leave: (memberId) => this.leave(memberId),
    flushFencing: () => this.flushFencing(),
    onceFenced: (memberId, refusal) => this.onceFenced(memberId, refusal),
  });
  /** No member is overdue before this time. */
  private nextSweepMs = 0;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.since = Date.now();
    void state.blockConcurrencyWhile(async () => {
      this.alarms = this.newAlarms(await state.storage.getAlarm());
      await this.loadFromStorage();
      const { rollCall, fencing } = this.group;
      if (rollCall) this.alarms.schedule('sessions', rollCall.endsMs);
      if (Object.keys(fencing).length > 0) this.alarms.schedule('fencing', Date.now());
      this.classicCalls.woke();
    });
  }

  /** Handles a call: the method is in the path, the arguments in the body. itty-durable expects them in a header. */
  override async fetch(request: Request): Promise<Response> {
    const method = new URL(request.url).pathname.slice(1);
    const content = await request.text();
    if (!METHODS.has(method)) return new Response('no such method', { status: 404 });
    this.calls += 1;
    this.sweep(Date.now());
    this.classicCalls.expire();
    this.alarms.runDue();
    return await super.fetch(
      new Request(`https://group/do/call/${method}`, { headers: { 'do-content': content } }),
    );
  }

  alarm(): void {
    this.sweep(Date.now());
    this.alarms.fired();
  }

  async join(namespace: string, name: string, request: JoinRequest): Promise<MemberView | Failure> {
    const refused = await this.noteFirstUse(namespace, name);
    if (refused) return refused;
    const { group } = this;
    if (isClassic(group)) return assignedByMembers();
    const nowMs = Date.now();
    const member = join(group, crypto.randomUUID(), request);
    if (isFailure(member)) return member;
    Object.assign(group, { namespace, name });
    noteSeen(group, this.lives, member.id, group.epoch, nowMs);
    this.save();
    this.watch(nowMs + member.sessionTimeoutMs, true);
    await this.flushFencing();
    return this.beat({ memberId: member.id, epoch: group.epoch, held: 'unsaid', isFetch: false });
  }

  async heartbeat(request: BeatRequest): Promise<MemberView | Failure> {
    const view = this.beat(request);
    return isFailure(view) ? await this.onceFenced(request.memberId, view) : view;
  }

  /** Answers when the member can no longer commit. */
  async leave(memberId: string): Promise<{ memberId: string } | Failure> {
    const { group } = this;
    const member = findMember(group, memberId);
    if (isFailure(member)) {
      if (!own(group.fencing, memberId)) return member;
    } else {
      remove(group, member);
      this.lives.delete(memberId);
      this.save();
    }
    await this.flushFencing();
    return own(group.fencing, memberId) ? unfenced(memberId) : { memberId };
  }

  targetInputs(): TargetInputs {
    const { epoch, members } = this.group;
    return {
      epoch,
      assignor: assignorOf(this.group),
      members: Object.values(members).map(({ id, instanceId, topics, pattern, target }) => ({
        id,
        instanceId,
        topics,
        pattern,
        target,
      })),
    };
  }

  acceptTarget(target: Target, beat: BeatRequest): MemberView | Failure | null {
    const outcome = acceptTarget(this.group, target);
    if (outcome === 'refused') return null;
    if (outcome === 'accepted') this.save();
    return this.beat(beat);
  }

  async ownerships(
    memberId: string,
    epoch: number,
    partitions: TopicPartition[],
  ): Promise<{ owned: ({ since: number; topicId: number } | null)[] } | Failure> {
    const { group } = this;
    const member = findMember(group, memberId);
    if (isFailure(member)) return await this.onceFenced(memberId, member);
    const stale = checkEpoch(group, member, epoch, member.joinedEpoch);
    if (stale) return stale;
    const since = ownershipsOf(member, partitions);
    return {
      owned: partitions.map(({ topic }, nth) =>
        since[nth] == null ? null : { since: since[nth], topicId: refOf(group, topic).id },
      ),
    };
  }

  consumer(...args: Parameters<ConsumerCalls['call']>): ReturnType<ConsumerCalls['call']> {
    return this.consumerCalls.call(...args);
  }

  classic(...args: Parameters<ClassicCalls['call']>): ReturnType<ClassicCalls['call']> {
    return this.classicCalls.call(...args);
  }

  admitCommit(...args: Parameters<ClassicCalls['admitCommit']>): ReturnType<ClassicCalls['admitCommit']> {
    return this.classicCalls.admitCommit(...args);
  }

  noteBegun(topics: { name: string; id: number }[]): { begun: true } {
    if (noteBegun(this.group, topics)) this.save();
    return { begun: true };
  }

  async describe(): Promise<GroupDescription | Failure> {
    await this.flushFencing();
    const { group } = this;
    if (group.epoch === 0) return noSuchGroup();
    return {
      state: group,
      isStable: isStable(group),
      assignor: assignorOf(group),
      meter: { rowsWritten: this.rowsWritten + this.alarms.timesSet, calls: this.calls, since: this.since },
    };
  }

  async beginChange(): Promise<{ epoch: number; state: GroupState } | Failure> {
    await this.flushFencing();
    const { group } = this;
    if (group.epoch === 0) return noSuchGroup();
    if (!isEmpty(group)) return notEmpty(group);
    group.epoch += 1;
    group.targetEpoch = group.epoch;
    this.save();
    return { epoch: group.epoch, state: group };
  }

  async beginReset(
    namespace: string,
    name: string,
    topics: Record<string, TopicRef>,
    isDryRun: boolean,
  ): Promise<{ epoch: number } | Failure> {
    await this.flushFencing();
    const { group } = this;
    if (!isEmpty(group)) return notEmpty(group);
    if (isDryRun) return { epoch: group.epoch };
    const refused = await this.noteFirstUse(namespace, name);
    if (refused) return refused;
    if (this.group !== group || !isEmpty(group)) return notEmpty(this.group);
    Object.assign(group, { namespace, name });
    group.epoch += 1;
    group.targetEpoch = group.epoch;
    noteTopics(group, topics);
    this.save();
    return { epoch: group.epoch };
  }

  async deleteGroup(epoch: number): Promise<{ deleted: true } | Failure> {
    if (!isEmpty(this.group) || this.group.epoch !== epoch) return notEmpty(this.group);
    await this.clear();
    return { deleted: true };
  }

  async erase(): Promise<{ erased: true }> {
    await this.clear();
    return { erased: true };
  }

  private async clear(): Promise<void> {
    this.erasures += 1;
    this.group = emptyGroup();
    this.lives.clear();
    this.classicCalls.clear();
    this.alarms = this.newAlarms(null);
    try {
      await this.state.storage.deleteAlarm();
      await this.destroy();
    } catch (error) {
      this.startAgain(error);
      throw error;
    }
  }

  /** The topology knows of a group before it stores anything, so that lists and the deletion of the namespace find it. */
  private async noteFirstUse(namespace: string, name: string): Promise<Failure | null> {
    if (this.group.epoch > 0) return null;
    const { erasures } = this;
    const refused = await topologyStub(this.state.env, namespace).noteGroup(name);
    return refused ?? (this.erasures === erasures ? null : noSuchNamespace(namespace));
  }

  tick(): { isEmpty: boolean } {
    return { isEmpty: isEmpty(this.group) };
  }

  /** Replaces itty-durable's, which stores one value. */
  override async persist(): Promise<void> {
    const rows = rowsOf(this.group);
    this.rowsWritten += Object.keys(rows).length;
    await this.state.storage.put(rows);
  }

  override async loadFromStorage(): Promise<void> {
    if (this.state.initialized) return;
    this.group = (await readGroup(this.state.storage)) ?? this.group;
    this.state.initialized = true;
  }

  /** What is itty-durable's own stays out of the stored state and of what is copied of it. */
  getPersistable(): object {
    return {};
  }

  private newAlarms(armedMs: number | null): Alarm {
    const alarms = new Alarm(this.state.storage, armedMs, () => Date.now());
    alarms.register('sessions', (nowMs) => this.callRoll(nowMs));
    alarms.register('classic', () => {
      this.classicCalls.expire();
      return null; // it has scheduled itself
    });
    alarms.register('fencing', (nowMs) => {
      this.state.waitUntil(this.flushFencing());
      return nowMs + FENCE_RETRY_MS;
    });
    return alarms;
  }

  private beat(request: BeatRequest): MemberView | Failure {
    const { group } = this;
    const { memberId, isFetch } = request;
    const { shownEpoch = 0 } = this.lives.get(memberId) ?? {};
    const beaten = heartbeat(group, { ...request, held: heldNow(group, request.held), shownEpoch });
    if (isFailure(beaten)) return beaten;
    const { member } = beaten;
    const epoch = request.epoch ?? group.epoch;
    const struck = noteSeen(group, this.lives, memberId, request.epoch ?? shownEpoch, Date.now());
    if (beaten.isChanged || struck) this.save();
    if (isFetch && Object.values(member.owned).some(({ revoked }) => revoked > epoch)) {
      return failure(
        'stale_epoch',
        `partitions were revoked since epoch ${epoch}; heartbeat, then continue`,
        { epoch: group.epoch },
      );
    }
    return viewOf(group, member);
  }

  /** Looks for members that are overdue at that time, with the alarm if one is new. */
  private watch(dueMs: number, isNew: boolean): void {
    this.nextSweepMs = Math.min(this.nextSweepMs, dueMs);
    if (isNew) this.alarms.scheduleEarlier('sessions', dueMs);
  }

  /** Holds back a refusal that says that the member is gone, until its partitions know. */
  private async onceFenced(memberId: string, refusal: Failure): Promise<Failure> {
    if (!own(this.group.fencing, memberId)) return refusal;
    await this.flushFencing();
    return own(this.group.fencing, memberId) ? unfenced(memberId) : refusal;
  }

  /** Runs due work. Cheap if there is none, because every call runs it. */
  private sweep(nowMs: number): void {
    if (nowMs < this.nextSweepMs) return;
    const { group, lives } = this;
    const { isChanged, hasBegunRollCall } = sweep(group, lives, nowMs);
    if (isChanged) this.save();
    if (hasBegunRollCall) this.alarms.schedule('sessions', group.rollCall!.endsMs);
    if (Object.keys(group.fencing).length > 0) this.state.waitUntil(this.flushFencing());
    this.nextSweepMs = nextOverdueMs(group, lives) ?? Infinity;
  }

  /** The alarm's task. While members call, their calls make the group notice silent members. */
  private callRoll(nowMs: number): number | null {
    this.nextSweepMs = 0;
    this.sweep(nowMs);
    return this.group.rollCall?.endsMs ?? null;
  }

  private flushFencing(): Promise<void> {
    return this.fencing.flush();
  }

  /** Writes what has changed, before the answer can leave. Changes without a wait in between are one write. */
  private save(): void {
    if (this.isSaving || this.group.epoch === 0) return; // a group that does not exist has no rows
    this.isSaving = true;
    queueMicrotask(() => {
      this.isSaving = false;
      this.state.waitUntil(this.persist().catch((error: unknown) => this.startAgain(error)));
    });
  }

  /** Memory must not be ahead of the disk: what is not stored, nobody may rely on. */
  private startAgain(error: unknown): void {
    console.error(`group ${this.group.name} could not be stored; it starts again from its disk`, error);
    this.state.abort('the group could not be stored');
  }
}
