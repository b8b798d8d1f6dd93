/** Transitions of a classic group, one by one: who is told what, and what the group is afterwards. */

import { describe, expect, it } from 'vitest';
import {
  claimed,
  nextClassicMs,
  PENDING_IDS_MAX,
  type joinClassic,
} from '../../../../core/group/classic/transitions.ts';
import type { ClassicJoin } from '../../../../core/group/classic/step.ts';
import { INITIAL_MS, REBALANCE_MS, Scene, SESSION_MS } from './scene.ts';

describe('a join', () => {
  it('of the first member waits a moment for others, and all of them are in the first generation', () => {
    const scene = new Scene();
    expect(scene.join('', {}, 'a')).toBeNull();
    expect(scene.join('', {}, 'b')).toBeNull();
    expect([scene.group.phase, nextClassicMs(scene.group)]).toEqual(['preparing', 1_000 + INITIAL_MS]);
    scene.pass(INITIAL_MS);
    expect(scene.group).toMatchObject({
      phase: 'completing',
      generation: 1,
      leaderId: 'a',
      protocol: 'range',
    });
    const members = [
      { id: 'a', instanceId: null, metadata: 'of ' },
      { id: 'b', instanceId: null, metadata: 'of ' },
    ];
    expect(scene.take()).toMatchObject([
      { memberId: 'a', joined: { generation: 1, leaderId: 'a', memberId: 'a', members } },
      { memberId: 'b', joined: { generation: 1, leaderId: 'a', memberId: 'b', members: [] } },
    ]);
  });

  it('of each member makes the first rebalance wait for others anew, up to 100 members', () => {
    const scene = new Scene();
    for (let nth = 0; nth < 100; nth++) {
      scene.join('', {}, `m${nth}`);
      scene.pass(INITIAL_MS - 1);
      expect(scene.group.phase).toBe('preparing');
    }
    scene.join('', {}, 'late');
    scene.pass(1);
    expect(scene.group.phase).toBe('completing');
    expect(scene.take()).toHaveLength(101);
  });

  it('with an id that was given before the first rebalance ends is waited for, and ends it', () => {
    const scene = new Scene();
    scene.join('', {}, 'a');
    scene.join('', { needsId: true }, 'given');
    scene.pass(INITIAL_MS);
    expect([scene.group.phase, scene.take()]).toEqual(['preparing', []]);
    scene.join('given', { needsId: true });
    expect(scene.group).toMatchObject({ phase: 'completing', generation: 1, leaderId: 'a' });
    expect(scene.take().map(({ memberId }) => memberId)).toEqual(['a', 'given']);
  });

  it('with an id that was given and is not used holds up the first rebalance for 0.1 s', () => {
    const scene = new Scene();
    scene.join('', { needsId: true }, 'given');
    scene.join('', {}, 'a');
    scene.pass(INITIAL_MS);
    scene.pass(99);
    expect(scene.group.phase).toBe('preparing');
    scene.pass(1);
    expect([scene.group.phase, scene.members]).toEqual(['completing', ['a']]);
  });

  it('of a new member that takes an id first is refused with the id, and joins with it', () => {
    const scene = new Scene();
    const refused = scene.join('', { needsId: true }, 'given');
    expect(refused).toMatchObject({ code: 'member_id_required', details: { member_id: 'given' } });
    expect(scene.members).toEqual([]);
    expect(scene.join('given', { needsId: true })).toBeNull();
    expect(scene.members).toEqual(['given']);
  });

  it('with an id that was given and not used in time is unknown', () => {
    const scene = new Scene();
    scene.join('', { needsId: true }, 'given');
    scene.pass(SESSION_MS);
    expect(scene.join('given')).toMatchObject({ code: 'member_not_found' });
  });

  it('gets another id if too many were given out before it came back', () => {
    const scene = new Scene();
    for (let nth = 0; nth <= PENDING_IDS_MAX; nth++) scene.join('', { needsId: true }, `given-${nth}`);
    expect(scene.join('given-0')).toMatchObject({ code: 'member_not_found' });
    expect(scene.join('given-1')).toBeNull();
  });

  it('of another member begins a rebalance, which ends when all have joined again', () => {
    const scene = Scene.stable('a');
    expect(scene.join('', {}, 'b')).toBeNull();
    expect(scene.group.phase).toBe('preparing');
    expect(scene.beat('a')).toMatchObject({ code: 'rebalance_in_progress' });
    expect(scene.join('a')).toBeNull();
    expect(scene.group).toMatchObject({ phase: 'completing', generation: 2, leaderId: 'a' });
    expect(scene.take().map(({ memberId }) => memberId)).toEqual(['a', 'b']);
  });

  it('that the others do not make in time goes on without them', () => {
    const scene = Scene.stable('a', 'b');
    scene.join('', { sessionTimeoutMs: 2 * REBALANCE_MS }, 'c');
    for (let nth = 0; nth < 6; nth++) {
      scene.beat('a');
      scene.beat('b');
      scene.pass(REBALANCE_MS / 6);
    }
    expect(scene.members).toEqual(['c']);
    expect(scene.take()).toMatchObject([{ memberId: 'c', joined: { leaderId: 'c', generation: 2 } }]);
  });

  it('of a follower that asks again changes nothing, and that of the leader begins a rebalance', () => {
    const scene = Scene.stable('a', 'b');
    const same = { protocols: [{ name: 'range', metadata: 'of ' }] };
    expect(scene.join('b', same)).toMatchObject({ generation: 1, memberId: 'b', members: [] });
    expect(scene.group.phase).toBe('stable');
    expect(scene.join('a', same)).toBeNull();
    expect(scene.group.phase).toBe('preparing');
  });

  it('of a follower with other topics begins a rebalance', () => {
    const scene = Scene.stable('a', 'b');
    expect(scene.join('b')).toBeNull();
    expect(scene.group.phase).toBe('preparing');
  });

  it('whose answer was lost is answered again while the leader assigns', () => {
    const scene = new Scene();
    scene.join('', {}, 'a');
    scene.pass(INITIAL_MS);
    const same = { protocols: [{ name: 'range', metadata: 'of ' }] };
    expect(scene.join('a', same)).toMatchObject({ generation: 1, members: [{ id: 'a' }] });
  });

  it.each([
    ['with no protocol', { protocols: [] }],
    ['with no type', { protocolType: '' }],
    ['of another type', { protocolType: 'connect' }],
    ['with no protocol that the others have', { protocols: [{ name: 'sticky', metadata: '' }] }],
  ])('%s is refused', (_, more) => {
    const scene = Scene.stable('a');
    expect(scene.join('', more, 'b')).toMatchObject({ code: 'inconsistent_protocol' });
    expect([scene.members, scene.group.phase]).toEqual([['a'], 'stable']);
  });

  it('with the id of nobody is refused', () => {
    expect(Scene.stable('a').join('constructor')).toMatchObject({ code: 'member_not_found' });
  });

  it('to a full group is refused', () => {
    const scene = Scene.stable('a');
    for (let nth = 0; nth < 9_999; nth++)
      scene.group.members[`m${nth}`] = { ...scene.group.members['a']!, id: `m${nth}` };
    expect(scene.join('', {}, 'b')).toMatchObject({ code: 'group_full' });
    expect(scene.join('', { instanceId: 'i' }, 'b')).toMatchObject({ code: 'group_full' });
  });
});

describe('a static member', () => {
  const joined = (
    scene: Scene,
    id: string,
    more: Partial<ClassicJoin> = {},
  ): ReturnType<typeof joinClassic> =>
    scene.join('', { instanceId: 'one', protocols: [{ name: 'range', metadata: 'same' }], ...more }, id);

  it('that starts again takes its place without a rebalance, and what it was is fenced', () => {
    const scene = new Scene();
    joined(scene, 'before');
    scene.pass(INITIAL_MS);
    scene.sync('before', { before: 'mine' });
    expect(joined(scene, 'after')).toMatchObject({
      memberId: 'after',
      leaderId: 'after',
      isAssigned: true,
      generation: 1,
    });
    expect(scene.sync('after')).toMatchObject({ assignment: 'mine' });
    const claim = { memberId: 'before', instanceId: 'one', generation: 1 };
    expect(claimed(scene.group, claim)).toMatchObject({ code: 'instance_fenced' });
    expect(scene.leave('before', 'one')).toMatchObject({ code: 'instance_fenced' });
    expect(scene.join('before', { instanceId: 'one' })).toMatchObject({ code: 'instance_fenced' });
    expect(scene.beat('before')).toMatchObject({ code: 'member_not_found' });
  });

  it('that starts again with other topics begins a rebalance', () => {
    const scene = new Scene();
    joined(scene, 'before');
    scene.pass(INITIAL_MS);
    scene.sync('before', { before: 'mine' });
    expect(joined(scene, 'after', { protocols: [{ name: 'range', metadata: 'other' }] })).toBeNull();
    expect(scene.group.phase).toBe('completing');
  });

  it('that starts again while it waits is told so in both places', () => {
    const scene = new Scene();
    joined(scene, 'before');
    expect(joined(scene, 'after')).toBeNull();
    expect(scene.take()).toMatchObject([{ memberId: 'before', joined: { code: 'instance_fenced' } }]);
  });

  it('stays a member in a rebalance that it does not join, until its session ends', () => {
    const scene = new Scene();
    joined(scene, 'static', { sessionTimeoutMs: 3 * REBALANCE_MS });
    scene.pass(INITIAL_MS);
    scene.sync('static');
    scene.join('', {}, 'other');
    scene.pass(REBALANCE_MS);
    expect(scene.members).toEqual(['static', 'other']);
    expect(scene.group).toMatchObject({ phase: 'completing', leaderId: 'other' });
  });

  it('leaves by its instance id', () => {
    const scene = new Scene();
    joined(scene, 'member');
    expect(scene.leave('', 'one')).toBe('member');
    expect(scene.group.phase).toBe('empty');
  });
});

describe('a sync', () => {
  it('of a follower waits for the leader, and brings what the leader has assigned', () => {
    const scene = new Scene();
    for (const id of ['a', 'b', 'c']) scene.join('', {}, id);
    scene.pass(INITIAL_MS);
    scene.take();
    expect(scene.sync('b')).toBeNull();
    expect(scene.sync('a', { a: 'to a', b: 'to b', c: 'to c' })).toMatchObject({
      assignment: 'to a',
      protocol: 'range',
    });
    expect(scene.take()).toMatchObject([
      { memberId: 'b', synced: { assignment: 'to b', protocolType: 'consumer' } },
    ]);
    expect(scene.sync('c')).toMatchObject({ assignment: 'to c' });
    expect(scene.group.phase).toBe('stable');
  });

  it('during a rebalance is refused, and so is one that has waited when another begins', () => {
    const scene = new Scene();
    for (const id of ['a', 'b']) scene.join('', {}, id);
    scene.pass(INITIAL_MS);
    scene.take();
    scene.sync('b');
    scene.join('', {}, 'c');
    expect(scene.take()).toMatchObject([{ memberId: 'b', synced: { code: 'rebalance_in_progress' } }]);
    expect(scene.sync('a')).toMatchObject({ code: 'rebalance_in_progress' });
  });

  it.each([
    ['of another generation', { generation: 0 }, 'stale_epoch'],
    ['of nobody', { memberId: 'x' }, 'member_not_found'],
    ['with another protocol', { protocol: 'sticky' }, 'inconsistent_protocol'],
    ['with another type', { protocolType: 'connect' }, 'inconsistent_protocol'],
  ])('%s is refused', (_, more, code) => {
    expect(Scene.stable('a').sync('a', {}, more)).toMatchObject({ code });
  });

  it('that the leader does not make in time begins another rebalance', () => {
    const scene = new Scene();
    for (const id of ['a', 'b']) scene.join('', { sessionTimeoutMs: 2 * REBALANCE_MS }, id);
    scene.pass(INITIAL_MS);
    scene.take();
    scene.sync('b');
    scene.pass(REBALANCE_MS);
    expect(scene.group.phase).toBe('preparing');
    expect(scene.take()).toMatchObject([{ memberId: 'b', synced: { code: 'rebalance_in_progress' } }]);
  });
});

describe('a heartbeat', () => {
  it('keeps a member, and one that is silent is removed', () => {
    const scene = Scene.stable('a', 'b');
    scene.pass(SESSION_MS - 1);
    expect(scene.beat('a')).toBeNull();
    scene.pass(1);
    expect([scene.members, scene.group.phase]).toEqual([['a'], 'preparing']);
    expect(scene.beat('b')).toMatchObject({ code: 'member_not_found' });
  });

  it('of another generation is refused', () => {
    expect(Scene.stable('a').beat('a', 7)).toMatchObject({ code: 'stale_epoch', details: { epoch: 1 } });
  });

  it('is not asked of who waits', () => {
    const scene = Scene.stable('a');
    scene.join('', {}, 'b');
    for (let nth = 0; nth < 3; nth++) {
      scene.beat('a');
      scene.pass(SESSION_MS - 1);
    }
    expect(scene.members).toEqual(['a', 'b']);
  });
});

describe('a leave', () => {
  it('begins a rebalance of the others, and the last one leaves an empty group', () => {
    const scene = Scene.stable('a', 'b');
    expect(scene.leave('a')).toBe('a');
    expect(scene.group).toMatchObject({ phase: 'preparing' });
    scene.join('b');
    expect(scene.group).toMatchObject({ phase: 'completing', leaderId: 'b', generation: 2 });
    expect(scene.leave('b')).toBe('b');
    expect(scene.group).toMatchObject({ phase: 'empty', generation: 3, leaderId: '', deadlineMs: null });
    expect(nextClassicMs(scene.group)).toBeNull();
  });

  it('of who waits answers it', () => {
    const scene = Scene.stable('a');
    scene.join('', {}, 'b');
    scene.leave('b');
    expect(scene.take()).toMatchObject([{ memberId: 'b', joined: { code: 'member_not_found' } }]);
  });

  it('of nobody is refused, and an id that was only given is forgotten', () => {
    const scene = Scene.stable('a');
    expect(scene.leave('x')).toMatchObject({ code: 'member_not_found' });
    scene.join('', { needsId: true }, 'given');
    expect(scene.leave('given')).toBe('given');
    expect(scene.join('given')).toMatchObject({ code: 'member_not_found' });
  });

  it('changes nothing that a group of another kind could fall behind', () => {
    const scene = Scene.stable('a');
    scene.leave('a');
    expect(scene.epoch).toBe(scene.group.generation);
  });
});

describe('any order of calls', () => {
  it('keeps the promises of the group', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let run = 0; run < 200; run++) {
      const scene = new Scene();
      const waiting = new Map<string, 'join' | 'sync'>();
      for (let nth = 0; nth < 60; nth++) {
        const generation = scene.group.generation;
        const id = `m${random(4)}`;
        const isNew = !scene.members.includes(id);
        const action = random(6);
        if (action < 2 && scene.join(isNew ? '' : id, {}, id) === null) waiting.set(id, 'join');
        else if (action === 2 && scene.sync(id, { [id]: 'x' }) === null) waiting.set(id, 'sync');
        else if (action === 3) scene.beat(id);
        else if (action === 4 && random(3) === 0) scene.leave(id);
        else scene.pass(random(REBALANCE_MS / 2));
        for (const answer of scene.take()) waiting.delete(answer.memberId);
        expect(scene.group.generation).toBeGreaterThanOrEqual(generation);
        // Who is answered is not waiting, and who waits is a member.
        for (const [memberId, what] of waiting) {
          const member = scene.group.members[memberId];
          expect(member?.isWaiting, `${memberId} waits for its ${what}`).toBe(true);
        }
        if (scene.group.phase === 'stable' || scene.group.phase === 'completing') {
          expect(scene.members).toContain(scene.group.leaderId);
        }
        expect(scene.group.phase === 'empty').toBe(scene.members.length === 0);
      }
    }
  });
});
