/** Consumer calls of a group: heartbeats of Kafka's newer clients. The rules are in core/group/consumer. */

import { isClassic, own, type GroupState, type Member } from '../../core/group/group-state.ts';
import { beatAsConsumer, JOINS, leaveAsConsumer, LEAVES } from '../../core/group/consumer/heartbeat.ts';
import { noteRevoking, noteSeen, type Lives } from '../../core/group/liveness.ts';
import { isFailure, type Failure } from '../../protocol/errors.ts';
import type { BeatRequest, ConsumerRequest, MemberView } from '../rpc/group.ts';
import { assignedByMembers } from './group-refusals.ts';
import { partitionsNow, viewOf } from './member-view.ts';

export interface ConsumerHost {
  readonly lives: Lives;
  group(): GroupState;
  /** Refuses a group that may not be made. */
  noteFirstUse(namespace: string, name: string): Promise<Failure | null>;
  save(): void;
  /** Looks for members that are overdue at that time. */
  watch(dueMs: number, isNew: boolean): void;
  beat(request: BeatRequest): MemberView | Failure;
  leave(memberId: string): Promise<{ memberId: string } | Failure>;
  flushFencing(): Promise<void>;
  onceFenced(memberId: string, refusal: Failure): Promise<Failure>;
}

export class ConsumerCalls {
  readonly #host: ConsumerHost;

  constructor(host: ConsumerHost) {
    this.#host = host;
  }

  async call(
    namespace: string,
    name: string,
    request: ConsumerRequest,
  ): Promise<MemberView | { left: string } | Failure> {
    const host = this.#host;
    const answer =
      request.epoch < JOINS ? await this.#leave(request) : await this.#beat(namespace, name, request);
    return isFailure(answer) ? await host.onceFenced(request.memberId, answer) : answer;
  }

  async #beat(namespace: string, name: string, request: ConsumerRequest): Promise<MemberView | Failure> {
    const host = this.#host;
    const { memberId, epoch } = request;
    const refused = epoch === JOINS ? await host.noteFirstUse(namespace, name) : null;
    if (refused) return refused;
    const group = host.group();
    if (isClassic(group)) return assignedByMembers();
    const isNew = own(group.members, memberId) === undefined;
    const held = request.held && partitionsNow(group, request.held);
    const { shownEpoch = 0 } = host.lives.get(memberId) ?? {};
    const beaten = beatAsConsumer(group, { ...request, held }, shownEpoch);
    if (isFailure(beaten)) return beaten;
    Object.assign(group, { namespace, name });
    const nowMs = Date.now();
    const wasMissing = noteSeen(group, host.lives, memberId, isNew ? group.epoch : Math.max(epoch, 0), nowMs);
    if (beaten.isChanged || wasMissing) host.save();
    this.#watch(beaten.member, nowMs, isNew);
    if (epoch !== JOINS) return viewOf(group, beaten.member);
    // Whom it has replaced, or it itself in its life before, may still have the partitions that are to be given.
    await host.flushFencing();
    return host.beat({ memberId, epoch: null, held: 'unsaid', isFetch: false });
  }

  async #leave(request: ConsumerRequest): Promise<{ left: string } | Failure> {
    const host = this.#host;
    const left = leaveAsConsumer(host.group(), request);
    if (isFailure(left)) return left;
    if (request.epoch === LEAVES) {
      const gone = await host.leave(request.memberId);
      return isFailure(gone) ? gone : { left: request.memberId };
    }
    noteSeen(host.group(), host.lives, request.memberId, 0, Date.now());
    if (left.isChanged) host.save();
    await host.flushFencing();
    return { left: request.memberId };
  }

  #watch(member: Member, nowMs: number, isNew: boolean): void {
    const host = this.#host;
    if (isNew) host.watch(nowMs + member.sessionTimeoutMs, true);
    const revocationEndsMs = noteRevoking(host.lives, member, nowMs);
    if (revocationEndsMs !== null) host.watch(revocationEndsMs, false);
  }
}
