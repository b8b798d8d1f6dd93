/** Moves: what one begins with, how much a slice takes, when it ends, and what a message keeps. */

import { describe, expect, it } from 'vitest';
import {
  afterMoveSlice,
  beginMove,
  isMove,
  movedRecord,
  moveEnds,
  moveIdOf,
  moveRoom,
  storedMoveId,
  type MoveOrder,
  type StoredMove,
} from '../../../../core/queue/messages/move.ts';
import { beginReplay, SLICE_MAX } from '../../../../core/queue/replay.ts';
import {
  ATTEMPTS_HEADER,
  DEATH_HEADER,
  DELIVERIES_HEADER,
  FAILURES_HEADER,
  PROPERTY_HEADERS,
  textHeader,
} from '../../../../protocol/schemas/messages.ts';
import { drawQueue, NOW } from '../../../support/tables/queue-picture.ts';

const order = (changes: Partial<MoveOrder> = {}): MoveOrder => ({
  id: 'm',
  filter: {},
  states: ['ready', 'waiting', 'delayed'],
  positions: null,
  to: { queue: 'other' },
  limit: null,
  ratePerS: null,
  ...changes,
});

const begun = (changes: Partial<MoveOrder> = {}): StoredMove => {
  const { machine } = drawQueue('A r - . . ; 2> .');
  machine.parked = 7;
  return beginMove(order(changes), machine, 99, NOW);
};

const NOTHING = { moved: 0, lookedAt: 0, skipped: 0, next: null, isEnd: false };

describe('a move that begins', () => {
  it.each([
    [{}, 12],
    [{ states: ['ready' as const] }, 5],
    [{ states: ['delayed' as const] }, 7],
    [{ positions: [{ lane: 0, offset: 1 }] }, 1],
  ])('with %j may look at %i messages', (changes, total) => {
    expect(begun(changes)).toMatchObject({ state: 'running', total, moved: 0, kind: 'move', startedMs: NOW });
  });

  it('takes nothing that comes later', () => {
    expect(moveEnds(begun())).toEqual({
      lanes: expect.arrayContaining([
        [0, 5],
        [4, 1],
      ]) as [],
      seq: 99,
    });
  });

  it('is known among replays, and has an id that no replay can have', () => {
    const { machine } = drawQueue('.');
    const replay = beginReplay({ ...order(), filter: {}, ids: null, to: null }, machine, NOW);
    expect([isMove(begun()), isMove(replay)]).toEqual([true, false]);
    expect(begun().id).toBe(storedMoveId('m'));
    expect(moveIdOf(begun())).toBe('m');
    expect(storedMoveId('m')).not.toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  });
});

describe('a slice', () => {
  it.each([
    [{}, 0, SLICE_MAX],
    [{ ratePerS: 20 }, 0, 20],
    [{ limit: 30, ratePerS: 20 }, 25, 5],
    [{ limit: 3 }, 0, 3],
  ])('of a move with %j that has moved %i takes at most %i', (changes, moved, room) => {
    expect(moveRoom({ ...begun(changes), moved })).toBe(room);
  });

  it.each([
    ['goes on', {}, { moved: 2, lookedAt: 3 }, 'running', null],
    ['is the last', {}, { moved: 2, lookedAt: 3, isEnd: true }, 'done', NOW],
    ['reaches the limit', { limit: 2 }, { moved: 2, lookedAt: 2 }, 'done', NOW],
  ])('that %s (%j, %j) leaves it %s', (_, changes, slice, state, endedMs) => {
    const after = afterMoveSlice(begun(changes), { ...NOTHING, ...slice }, NOW);
    expect(after).toMatchObject({ state, endedMs, moved: 2, lookedAt: slice.lookedAt, done: slice.lookedAt });
  });

  it('of a move with a rate is followed by one a second later', () => {
    expect(afterMoveSlice(begun({ ratePerS: 5 }), NOTHING, NOW).nextMs).toBe(NOW + 1_000);
    expect(afterMoveSlice(begun(), NOTHING, NOW).nextMs).toBeUndefined();
  });

  it('counts what of a list is not there', () => {
    expect(afterMoveSlice(begun(), { ...NOTHING, skipped: 2 }, NOW).skipped).toBe(2);
  });
});

describe('a message that moves', () => {
  const names = [
    'own',
    PROPERTY_HEADERS.delay_ms,
    PROPERTY_HEADERS.deliver_at,
    PROPERTY_HEADERS.expiration_ms,
    DELIVERIES_HEADER,
    FAILURES_HEADER,
    ATTEMPTS_HEADER,
    DEATH_HEADER,
  ];
  const record = {
    offset: 3,
    timestamp: 5,
    key: new Uint8Array([1]),
    value: new Uint8Array([2]),
    headers: names.map((name) => textHeader(name, '1')),
  };

  it.each(['ready', 'waiting'] as const)('%s begins anew, and is not delayed again', (state) => {
    const { headers, ...rest } = movedRecord(record, state);
    expect(rest).toEqual({ offset: 3, timestamp: 5, key: record.key, value: record.value });
    expect(headers.map(({ key }) => key)).toEqual(['own', PROPERTY_HEADERS.expiration_ms, DEATH_HEADER]);
  });

  it('delayed is still delayed', () => {
    expect(movedRecord(record, 'delayed').headers.map(({ key }) => key)).toEqual([
      ...names.slice(0, 4),
      DEATH_HEADER,
    ]);
  });
});
