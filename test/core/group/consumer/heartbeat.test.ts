/** Heartbeats of Kafka's newer protocol: the rules of KIP-848, as its page and Kafka's broker have them. */

import { beforeEach, describe, expect, it } from 'vitest';
import {
  beatAsConsumer,
  leaveAsConsumer,
  type Beaten,
  type ConsumerBeat,
} from '../../../../core/group/consumer/heartbeat.ts';
import { assignmentOf, emptyGroup, type GroupState } from '../../../../core/group/group-state.ts';
import { nextOverdueMs, noteRevoking, noteSeen, sweep, type Lives } from '../../../../core/group/liveness.ts';
import { fenced, remove } from '../../../../core/group/membership.ts';
import { acceptTarget } from '../../../../core/group/target.ts';
import { isFailure } from '../../../../protocol/errors.ts';

const beatOf = (memberId: string, epoch: number, more: Partial<ConsumerBeat> = {}): ConsumerBeat => ({
  memberId,
  epoch,
  instanceId: null,
  topics: epoch === 0 ? ['t'] : null,
  pattern: null,
  assignor: null,
  rack: null,
  sessionTimeoutMs: 1_000,
  rebalanceTimeoutMs: epoch === 0 ? 500 : null,
  client: null,
  held: null,
  topologyVersion: 1,
  ...more,
});

let state: GroupState;
beforeEach(() => {
  state = emptyGroup();
});

/** The epoch and the partitions of the reply, or the code of the refusal. */
function beat(memberId: string, epoch: number, more: Partial<ConsumerBeat> = {}): string {
  return told(beatAsConsumer(state, beatOf(memberId, epoch, more), 0));
}

function told(beaten: Beaten | { code: string }): string {
  if ('code' in beaten) return beaten.code;
  return `${state.epoch}: ${assignmentOf(beaten.member)
    .map(({ partition }) => partition)
    .join(' ')}`;
}

const leave = (memberId: string, epoch: number, instanceId: string | null = null): string => {
  const left = leaveAsConsumer(state, { memberId, epoch, instanceId });
  return isFailure(left) ? left.code : 'left';
};

function target(members: Record<string, number[]>): void {
  const outcome = acceptTarget(state, {
    epoch: state.epoch,
    topologyVersion: state.topologyVersion,
    topics: { t: { id: 1, partitions: 4, jurisdiction: null, locationHint: null } },
    members: Object.fromEntries(
      Object.entries(members).map(([id, numbers]) => [id, numbers.map((number) => `t/${number}`)]),
    ),
  });
  expect(outcome).toBe('accepted');
}

const held = (...partitions: number[]): Pick<ConsumerBeat, 'held'> => ({
  held: partitions.map((partition) => ({ topic: 't', partition })),
});

describe('a member that joins', () => {
  it('is one under the id that it has made, and says what it reads', () => {
    expect(beat('a', 0, { topics: null })).toBe('invalid_field');
    expect(state.members).toEqual({});
    expect(beat('a', 0)).toBe('1: ');
    expect(Object.keys(state.members)).toEqual(['a']);
  });

  it('gets what is free, and the rest when those who have it have given it up', () => {
    beat('a', 0);
    target({ a: [0, 1] });
    expect(beat('a', 1)).toBe('1: 0 1');
    expect(beat('b', 0)).toBe('2: ');
    target({ a: [0], b: [1] });
    expect(beat('b', 2)).toBe('3: ');
    expect(beat('a', 1)).toBe('3: 0');
    // It has been told, but says nothing of what it works on.
    expect(beat('a', 3)).toBe('3: 0');
    expect(beat('b', 3)).toBe('3: ');
    expect(beat('a', 3, held(0, 1))).toBe('3: 0');
    expect(beat('b', 3)).toBe('3: ');
    expect(beat('a', 3, held(0))).toBe('3: 0');
    expect(beat('b', 3)).toBe('3: 1');
  });

  it('does not give up what it has left out before it knew of the revocation', () => {
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    beat('b', 0);
    target({ a: [0], b: [1] });
    expect(beat('a', 1, held(0))).toBe('3: 0');
    expect(beat('b', 2)).toBe('3: ');
    expect(beat('a', 3, held(0))).toBe('3: 0');
    expect(beat('b', 3)).toBe('3: 1');
  });

  it('under its id again keeps its place, and holds nothing that was revoked', () => {
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    beat('b', 0);
    target({ a: [0], b: [1] });
    expect(beat('a', 0)).toBe('4: 0');
    expect(state.targetEpoch).toBe(4);
    // The join may be an old one that is late, and the member work on it: first its partition has to know.
    expect(beat('b', 2)).toBe('4: ');
    expect(state.fencing).toEqual({ a: { epoch: 4, partitions: ['t/1'] } });
    fenced(state, 'a');
    expect(beat('b', 4)).toBe('4: 1');
    expect(beat('a', 4, held(0))).toBe('4: 0');
    expect(Object.keys(state.members)).toEqual(['a', 'b']);
  });
});

describe('a member that stays', () => {
  it.each([
    ['a member that is not there', 'x', 1, 'member_not_found'],
    ['an epoch that has not begun', 'a', 9, 'stale_epoch'],
    ['an epoch before its join', 'b', 1, 'stale_epoch'],
    ['the epoch of its join', 'b', 2, '2: '],
    ['an older epoch, if the last reply was lost', 'a', 1, '2: 0 1'],
  ])('with %s', (_, memberId, epoch, outcome) => {
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    beat('b', 0);
    expect(beat(memberId, epoch)).toBe(outcome);
  });

  it('with an epoch older than one that it has shown is fenced', () => {
    beat('a', 0);
    beat('b', 0);
    expect(told(beatAsConsumer(state, beatOf('a', 1), 2))).toBe('stale_epoch');
  });

  it('may read other topics, or be assigned in another way, which is an epoch each', () => {
    beat('a', 0);
    target({ a: [0] });
    expect(beat('a', 1, { topics: ['t'] })).toBe('1: 0');
    expect(beat('a', 1, { topics: ['t', 'u'] })).toBe('2: 0');
    expect(state.targetEpoch).toBe(1);
    expect(beat('a', 2, { assignor: 'range' })).toBe('3: 0');
    expect(beat('a', 3, { assignor: 'range' })).toBe('3: 0');
    expect(state.members['a']).toMatchObject({ topics: ['t', 'u'], assignor: 'range' });
    // A refused request changes nothing.
    expect(beat('a', 9, { topics: ['v'] })).toBe('stale_epoch');
    expect(state.members['a']).toMatchObject({ topics: ['t', 'u'] });
    expect(beat('a', 3, { topics: [] })).toBe('4: 0');
  });
});

describe('a static member', () => {
  const ofI = { instanceId: 'i' };

  it('keeps others of its instance out while it is there', () => {
    beat('a', 0, ofI);
    target({ a: [0] });
    expect(beat('b', 0, ofI)).toBe('instance_in_use');
    expect(Object.keys(state.members)).toEqual(['a']);
    expect(beat('a', 1, { instanceId: 'j' })).toBe('instance_fenced');
    expect(leave('a', -1, 'j')).toBe('instance_fenced');
  });

  it('that leaves for now keeps its partitions until the next of its instance takes them over', () => {
    beat('a', 0, ofI);
    beat('c', 0);
    target({ a: [0, 1], c: [2] });
    expect(beat('a', 2, ofI)).toBe('2: 0 1');
    beat('c', 2);
    expect(leave('a', -2, 'i')).toBe('left');
    expect(state.epoch).toBe(2);
    expect(beat('c', 2)).toBe('2: 2');
    expect(beat('a', 2, ofI)).toBe('stale_epoch');
    expect(beat('b', 0, ofI)).toBe('3: ');
    expect(state.targetEpoch).toBe(3);
    // Only when the partitions know that the one before may not commit any more.
    fenced(state, 'a');
    expect(beat('b', 3, ofI)).toBe('3: 0 1');
    expect(beat('a', 2, ofI)).toBe('instance_fenced');
  });

  it('that leaves for now may come back itself', () => {
    beat('a', 0, ofI);
    target({ a: [0] });
    beat('a', 1, ofI);
    leave('a', -2, 'i');
    expect(beat('a', 0, ofI)).toBe('1: 0');
    expect(beat('a', 1, ofI)).toBe('1: 0');
  });

  it('is the only kind that can leave for now', () => {
    beat('a', 0);
    expect(leave('a', -2)).toBe('invalid_field');
    expect(leave('a', -1)).toBe('left');
    expect(leave('x', -1)).toBe('member_not_found');
  });
});

describe('a member that comes back under its id', () => {
  it('and is gone again leaves no partition behind that has not been told', () => {
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    remove(state, state.members['a']!);
    beat('a', 0);
    target({ a: [0, 1, 2] });
    expect(beat('a', 3)).toBe('3: 2');
    remove(state, state.members['a']!);
    expect(state.fencing).toEqual({ a: { epoch: 4, partitions: ['t/0', 't/1', 't/2'] } });
  });
});

describe('a member that does not give up what was revoked', () => {
  it('is removed after its rebalance timeout, though it reports', () => {
    const lives: Lives = new Map();
    const seen = (memberId: string, nowMs: number): number | null => {
      noteSeen(state, lives, memberId, 0, nowMs);
      return noteRevoking(lives, state.members[memberId]!, nowMs);
    };
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    beat('b', 0);
    seen('b', 0);
    target({ a: [0], b: [1] });
    beat('a', 1);
    expect(seen('a', 0)).toBe(500);
    expect(nextOverdueMs(state, lives)).toBe(500);
    expect(seen('a', 400)).toBe(500);
    seen('b', 400);
    sweep(state, lives, 499);
    expect(Object.keys(state.members)).toEqual(['a', 'b']);
    sweep(state, lives, 500);
    expect(Object.keys(state.members)).toEqual(['b']);
    expect(state.fencing).toMatchObject({ a: { partitions: ['t/0', 't/1'] } });
  });

  it('stays if it gives it up in time, or has no such timeout', () => {
    const lives: Lives = new Map();
    beat('a', 0);
    target({ a: [0, 1] });
    beat('a', 1);
    beat('b', 0);
    target({ a: [0], b: [1] });
    beat('a', 1);
    noteSeen(state, lives, 'a', 1, 0);
    expect(noteRevoking(lives, state.members['a']!, 0)).toBe(500);
    beat('a', 3, held(0));
    expect(noteRevoking(lives, state.members['a']!, 100)).toBe(null);
    expect(nextOverdueMs(state, lives)).toBe(1_000);
    delete state.members['a']!.rebalanceTimeoutMs;
    state.members['a']!.owned['t/0']!.revoked = 2;
    expect(noteRevoking(lives, state.members['a']!, 100)).toBe(null);
  });
});
