/** Who was heard of in time, as tables. */

import { describe, expect, it } from 'vitest';
import { emptyGroup, type GroupState, type Member } from '../../../core/group/group-state.ts';
import { nextOverdueMs, noteSeen, sweep, type Lives } from '../../../core/group/liveness.ts';
import { join } from '../../../core/group/membership.ts';

import { isFailure } from '../../../protocol/errors.ts';
import { drawGroup } from '../../support/tables/group-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

/**
 * `heard` has the members that were heard of, and when. `called` is a roll call: when it ends, and who is missing. Session
 * timeouts are 1,000 ms.
 */
const SWEEPS = rowsOf<'heard' | 'called' | 'now' | 'left' | 'calls' | 'next' | 'because'>(`
  heard      | called   | now  | left | calls    | next | because
  a@0 b@0    |          | 999  | a b  |          | 1000 | a millisecond is left
  a@0 b@0    |          | 1000 |      |          | none | the time is over, exactly
  a@0 b@600  |          | 1000 | b    |          | 1600 | who was heard of stays
             |          | 5000 | a b  | 6000 a,b | 6000 | nobody remembers: all have a session timeout from now on
  a@5000     |          | 5000 | a b  | 6000 b   | 6000 | only those are missing who were not heard of
  a@5000     | 6000 b   | 5999 | a b  | 6000 b   | 6000 | a roll call that is under way is not begun again
  a@5500     | 6000 b   | 6000 | a    |          | 6500 | who has not answered is gone
  a@5500     | 6000     | 6000 | a b  | 7000 b   | 6500 | who has answered and is not remembered is called again
             | 6000 a,b | 6000 |      |          | none | nobody answered
  a@0        | 6000 b   | 1000 | b    | 6000 b   | 6000 | a session timeout ends as always meanwhile
`);

describe('a sweep', () => {
  it.each(SWEEPS)('at $now, heard: "$heard", called: "$called", leaves "$left": $because', (row) => {
    const state = drawGroup('2 ; a 0.1 ; b^2');
    const lives: Lives = new Map();
    for (const text of row.heard.split(' ').filter((word) => word !== '')) {
      const [id, seenMs] = text.split('@');
      lives.set(id!, { seenMs: Number(seenMs), shownEpoch: 1 });
    }
    if (row.called !== '') {
      const [endsMs, missing = ''] = row.called.split(' ');
      state.rollCall = { endsMs: Number(endsMs), missing: missing.split(',').filter((id) => id !== '') };
    }
    const before = JSON.stringify(state);
    const { isChanged, hasBegunRollCall } = sweep(state, lives, Number(row.now));
    const { rollCall } = state;
    expect({
      left: Object.keys(state.members).join(' '),
      calls: rollCall ? `${rollCall.endsMs} ${rollCall.missing.join(',')}` : '',
      next: String(nextOverdueMs(state, lives) ?? 'none'),
    }).toEqual({ left: row.left, calls: row.calls, next: row.next });
    expect(isChanged, 'it is stored if it differs').toBe(JSON.stringify(state) !== before);
    expect(hasBegunRollCall).toBe(row.calls !== '' && row.calls !== row.called);
    for (const id of lives.keys()) expect(Object.keys(state.members)).toContain(id);
  });
});

describe('a sign of life', () => {
  it('remembers the highest epoch that was shown', () => {
    const lives: Lives = new Map();
    for (const epoch of [3, 5, 4]) noteSeen(emptyGroup(), lives, 'a', epoch, epoch * 100);
    expect(lives.get('a')).toEqual({ seenMs: 400, shownEpoch: 5 });
  });

  it('is the answer to a roll call, once', () => {
    const state = drawGroup('2 ; a ; b^2');
    state.rollCall = { endsMs: 1_000, missing: ['a', 'b'] };
    expect([noteSeen(state, new Map(), 'a', 1, 0), noteSeen(state, new Map(), 'a', 1, 0)]).toEqual([
      true,
      false,
    ]);
    expect(state.rollCall.missing).toEqual(['b']);
  });
});

const joined = (state: GroupState, id: string): Member => {
  const member = join(state, id, {
    topics: ['t'],
    pattern: null,
    assignor: 'range',
    instanceId: null,
    rack: null,
    autoOffsetReset: 'earliest',
    topologyVersion: 1,
    sessionTimeoutMs: 1_000,
  });
  if (isFailure(member)) throw new Error(member.message);
  return member;
};

describe('time', () => {
  it('removes who was not heard of, and keeps who was', () => {
    const state = emptyGroup();
    const lives: Lives = new Map();
    for (const id of ['a', 'b']) noteSeen(state, lives, joined(state, id).id, 1, 0);
    noteSeen(state, lives, 'b', 1, 600);
    expect(sweep(state, lives, 999).isChanged).toBe(false);
    expect(sweep(state, lives, 1_000).isChanged).toBe(true);
    expect(Object.keys(state.members)).toEqual(['b']);
  });

  it('gives everybody a full session timeout after the object was out of memory, however often it is', () => {
    const state = emptyGroup();
    for (const id of ['a', 'b']) joined(state, id);
    expect(sweep(state, new Map(), 5_000).hasBegunRollCall).toBe(true);
    const lives: Lives = new Map();
    expect(noteSeen(state, lives, 'a', 1, 5_800)).toBe(true);
    sweep(state, new Map(), 5_900); // out of memory again: a has answered, b has not
    sweep(state, new Map(), 5_999);
    expect(Object.keys(state.members)).toEqual(['a', 'b']);
    sweep(state, new Map(), 6_000);
    expect(Object.keys(state.members)).toEqual(['a']);
    expect(state.rollCall?.missing, 'a is asked for again: nobody remembers when it was heard of').toEqual([
      'a',
    ]);
  });
});
