/**
 * Liveness: which members reported in time. The group keeps times in memory only, so that a heartbeat writes nothing,
 * and heartbeats keep the object in memory. If the object left memory, it begins a roll call, which is stored with the
 * state: every member has a full session timeout from then on to be heard of, also if the object leaves memory again
 * meanwhile.
 */

import type { GroupState, Member } from './group-state.ts';
import { remove } from './membership.ts';

export interface Life {
  seenMs: number;
  /** The highest epoch that the member has shown. */
  shownEpoch: number;
  /** Since when it holds partitions that it was told to give up. Absent: it holds none. */
  revokingSinceMs?: number;
}

/** By member id. A member without an entry has not reported since the object woke. */
export type Lives = Map<string, Life>;

/** @returns whether the state has changed */
export function noteSeen(
  state: GroupState,
  lives: Lives,
  memberId: string,
  epoch: number,
  nowMs: number,
): boolean {
  const life = lives.get(memberId);
  const shownEpoch = Math.max(epoch, life?.shownEpoch ?? 0);
  lives.set(memberId, { ...life, seenMs: nowMs, shownEpoch });
  const missing = state.rollCall?.missing.indexOf(memberId) ?? -1;
  if (missing >= 0) state.rollCall!.missing.splice(missing, 1);
  return missing >= 0;
}

/**
 * Notes whether a member that is being told its assignment has partitions to give up.
 * @returns when it is removed if it goes on holding them, in ms; null: never
 */
export function noteRevoking(lives: Lives, member: Member, nowMs: number): number | null {
  const life = lives.get(member.id);
  if (!life) return null;
  if (Object.values(member.owned).some(({ revoked }) => revoked > 0)) life.revokingSinceMs ??= nowMs;
  else delete life.revokingSinceMs;
  const endMs = revocationEndMs(member, life);
  return endMs === Infinity ? null : endMs;
}

function revocationEndMs({ rebalanceTimeoutMs = Infinity }: Member, life: Life): number {
  return life.revokingSinceMs === undefined ? Infinity : life.revokingSinceMs + rebalanceTimeoutMs;
}

/** When the member is overdue unless it does something, in ms. */
function dueMs(member: Member, life: Life): number {
  return Math.min(life.seenMs + member.sessionTimeoutMs, revocationEndMs(member, life));
}

/**
 * Begins a roll call of members that have not reported, unless one is running. @returns whether the state has changed
 */
function beginRollCall(state: GroupState, lives: Lives, nowMs: number): boolean {
  if (state.rollCall !== null) return false;
  const missing = Object.values(state.members).filter(({ id }) => !lives.has(id));
  if (missing.length === 0) return false;
  const longestMs = missing.reduce((most, { sessionTimeoutMs }) => Math.max(most, sessionTimeoutMs), 0);
  state.rollCall = { endsMs: nowMs + longestMs, missing: missing.map(({ id }) => id) };
  return true;
}

/** Removes members that did not report in time, and begins a roll call if the object was out of memory. */
export function sweep(
  state: GroupState,
  lives: Lives,
  nowMs: number,
): { isChanged: boolean; hasBegunRollCall: boolean } {
  const gone = overdue(state, lives, nowMs);
  for (const member of gone) {
    remove(state, member);
    lives.delete(member.id);
  }
  const isOver = state.rollCall !== null && nowMs >= state.rollCall.endsMs;
  if (isOver) state.rollCall = null;
  const hasBegunRollCall = beginRollCall(state, lives, nowMs);
  return { isChanged: gone.length > 0 || isOver || hasBegunRollCall, hasBegunRollCall };
}

/** Members whose session timeout is over, or that do not give up what they have to. */
function overdue(state: GroupState, lives: Lives, nowMs: number): Member[] {
  const isOver = state.rollCall !== null && nowMs >= state.rollCall.endsMs;
  const missing = new Set(isOver ? state.rollCall!.missing : []);
  return Object.values(state.members).filter((member) => {
    const life = lives.get(member.id);
    return life ? nowMs >= dueMs(member, life) : missing.has(member.id);
  });
}

/** Returns when the next member may be overdue, in ms; null if there is none. */
export function nextOverdueMs(state: GroupState, lives: Lives): number | null {
  let nextMs = state.rollCall?.endsMs ?? Infinity;
  for (const member of Object.values(state.members)) {
    const life = lives.get(member.id);
    if (life) nextMs = Math.min(nextMs, dueMs(member, life));
  }
  return nextMs === Infinity ? null : nextMs;
}
