/** Replays: which letters a slice takes, where each goes, when the next slice is due, and when a replay ends. */

import { describe, expect, it } from 'vitest';
import { formatDeadLetterId } from '../../../core/queue/dead-letters/dead-letter-id.ts';
import {
  afterSlice,
  beginReplay,
  cancelReplay,
  countLetters,
  dueReplays,
  nextSlice,
  nextSliceMs,
  resendTarget,
  type ReplayOrder,
  type StoredReplay,
} from '../../../core/queue/replay.ts';
import { drawLetters, letter, QUEUE_ID, type LetterKind } from '../../support/tables/letters.ts';
import { NOW, placeText } from '../../support/tables/queue-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const order = (changes: Partial<ReplayOrder> = {}): ReplayOrder => ({
  id: 'r',
  filter: {},
  ids: null,
  to: null,
  limit: null,
  ratePerS: null,
  ...changes,
});

const running = (changes: Partial<StoredReplay> = {}): StoredReplay => ({
  ...order(),
  state: 'running',
  total: 9,
  lookedAt: 0,
  moved: 0,
  skipped: 0,
  startedMs: 1,
  endedMs: null,
  after: null,
  ends: [[0, 9]],
  ...changes,
});

const idOf = (offset: number): string => formatDeadLetterId(QUEUE_ID, { lane: 0, offset });
const backlog = (count: number): string => Array.from({ length: count }, () => '.').join(' ');

/** What one slice moves, as `target: places`, and the replay after it. */
function slice(picture: string, replay: StoredReplay, kinds: Record<string, LetterKind> = {}) {
  const made = nextSlice(drawLetters(picture, kinds), replay);
  const moves = made.groups.map(
    ({ target, letters }) =>
      `${Object.values(target).join('/')}: ${letters.map(({ position }) => placeText(position.lane, position.offset)).join(' ')}`,
  );
  return { moves: moves.join(', '), after: afterSlice(replay, made, NOW) };
}

it('a replay that reaches one queue moves what goes back there, and skips the rest', () => {
  const kinds = { 1: 'from b' } as const;
  const replay = running({ onlyTo: 'a' });
  expect(slice('. . .', replay, kinds).after).toMatchObject({ moved: 2, skipped: 1 });
  const counted = countLetters(drawLetters('. . .', kinds), order({ onlyTo: 'b' }), null);
  expect(counted).toMatchObject({ count: 1, skipped: 2 });
});

describe('a replay that begins', () => {
  it('may move all that is ready or leased, and nothing that comes later', () => {
    const { state } = drawLetters('1> . ; 0> A r - .');
    expect(beginReplay(order({ limit: 5 }), state, NOW)).toEqual(
      running({ limit: 5, total: 4, startedMs: NOW, ends: expect.arrayContaining([[0, 4]]) as [] }),
    );
  });

  it('of a list may move as many as it has', () => {
    expect(beginReplay(order({ ids: ['x', 'y'] }), drawLetters('.').state, NOW).total).toBe(2);
  });
});

const TARGETS = rowsOf<'kind' | 'to' | 'outcome' | 'because'>(`
  kind   | to  | outcome   | because
  from a |     | a         | it goes back to where it came from
  from b |     | b         | each to its own
  from a | c   | c         | or where the order says
  orphan | c   | c         | also if nobody knows where it came from
  orphan |     | no_origin | but it cannot go back
  plain  |     | no_origin | nor can what is no dead letter
  tired  |     | hop_limit | it was handed on too often
  tired  | c   | hop_limit | wherever it would go
`);

describe('a letter', () => {
  it.each(TARGETS)('"$kind" to "$to": $outcome, $because', ({ kind, to, outcome }) => {
    const resent = resendTarget(to === '' ? null : { queue: to }, letter(kind as LetterKind));
    expect('target' in resent ? Object.values(resent.target).join('/') : resent.refused).toBe(outcome);
  });
});

describe('a slice', () => {
  it('takes letters in order, grouped by their targets', () => {
    const { moves, after } = slice('. . . .', running(), { 1: 'from b' });
    expect(moves).toBe('a: 0 2 3, b: 1');
    expect(after).toMatchObject({ state: 'done', endedMs: NOW, moved: 4, skipped: 0, lookedAt: 4 });
  });

  it('takes all to the target of the order', () => {
    const to = { exchange: 'x', routing_key: 'k' };
    expect(slice('. .', running({ to }), { 1: 'from b' }).moves).toBe('x/k: 0 1');
  });

  it('skips letters without a target, which stay', () => {
    const { moves, after } = slice('. . .', running(), { 0: 'tired', 2: 'orphan' });
    expect([moves, after.moved, after.skipped]).toEqual(['a: 1', 1, 2]);
  });

  it('takes only what the filter means', () => {
    const { moves, after } = slice('. . .', running({ filter: { reason: 'expired' } }), {
      1: 'from b',
      2: 'plain',
    });
    expect([moves, after.moved, after.skipped, after.lookedAt]).toEqual(['b: 1', 1, 0, 3]);
  });

  it('takes nothing that came after the replay began', () => {
    const { moves, after } = slice('. . . .', running({ ends: [[0, 2]] }));
    expect([moves, after.state]).toEqual(['a: 0 1', 'done']);
  });

  it('takes no more than the limit leaves, which skipped letters do not use up', () => {
    const first = slice('. . . .', running({ limit: 2 }), { 0: 'tired' });
    expect([first.moves, first.after.state]).toEqual(['a: 1', 'running']);
    const second = slice('- - . .', first.after);
    expect([second.moves, second.after.state, second.after.moved]).toEqual(['a: 2', 'done', 2]);
  });

  it('takes as many as the rate allows, and says when the next one is due', () => {
    const { moves, after } = slice('. . .', running({ ratePerS: 2 }));
    expect([moves, after.state, after.nextMs]).toEqual(['a: 0 1', 'running', NOW + 1_000]);
    expect(nextSliceMs(after, NOW)).toBe(NOW + 1_000);
  });

  it('takes 500 at most, and the next one is due at once', () => {
    const { after } = slice(backlog(501), running({ ends: [[0, 501]] }));
    expect([after.moved, after.state, nextSliceMs(after, NOW)]).toEqual([500, 'running', NOW + 1]);
  });

  it('takes the letters of a list in its order, and is done at its end', () => {
    const ids = [2, 0, 1, 7].map(idOf);
    const { moves, after } = slice('. . .', running({ ids }));
    expect([moves, after.state, after.lookedAt]).toEqual(['a: 2 0 1', 'done', 4]);
  });

  it('goes on in a list after the last id that was looked at', () => {
    const ids = [2, 0, 1].map(idOf);
    const first = slice('. . .', running({ ids, ratePerS: 2 }));
    expect(first.moves).toBe('a: 2 0');
    expect(slice('- r -', first.after).moves).toBe('a: 1');
  });

  it('of nothing is the last', () => {
    expect(slice('', running()).after).toMatchObject({ state: 'done', moved: 0, endedMs: NOW });
  });

  it('is never due again for one that has ended', () => {
    expect(nextSliceMs(running({ state: 'done' }), NOW)).toBeNull();
  });
});

const DUE = rowsOf<'replays' | 'outgoing' | 'due' | 'next' | 'because'>(`
  replays          | outgoing | due | next | because
                   | 0        |     |      | there is none
  done             | 0        |     |      | it has ended
  cancelled        | 0        |     |      | it was ended
  now              | 0        | 0   |      | no rate
  past             | 0        | 0   |      | its time has come
  soon             | 0        |     | 150  | it waits for its time
  far              | 0        | 0   |      | a clock has gone back: no slice is due so late
  soon now done    | 0        | 1   | 150  | others do not wait for it
  soon later       | 0        |     | 150  | the earliest
  now soon         | 5000     |     | 1100 | too many are on their way
  now              | 4999     | 0   |      | not quite too many
`);

describe('replays', () => {
  const kinds: Record<string, Partial<StoredReplay>> = {
    done: { state: 'done' },
    cancelled: { state: 'cancelled' },
    now: {},
    past: { nextMs: NOW },
    soon: { nextMs: NOW + 50 },
    later: { nextMs: NOW + 1_000 },
    far: { nextMs: NOW + 1_001 },
  };

  it.each(DUE)('"$replays" with $outgoing on their way: "$due" now, next at "$next": $because', (row) => {
    const all = row.replays
      .split(' ')
      .flatMap((kind, nth) => (kind ? running({ ...kinds[kind], id: `${nth}` }) : []));
    const { due, nextMs } = dueReplays(all, Number(row.outgoing), NOW);
    expect(due.map(({ id }) => id).join(' ')).toBe(row.due);
    expect(nextMs).toBe(row.next === '' ? null : Number(row.next));
  });

  it('that are cancelled end there, once', () => {
    const cancelled = cancelReplay(running(), NOW);
    expect(cancelled).toEqual(running({ state: 'cancelled', endedMs: NOW }));
    expect(cancelReplay(cancelled, NOW + 1)).toBe(cancelled);
    const done = running({ state: 'done' });
    expect(cancelReplay(done, NOW)).toBe(done);
  });
});

describe('a count', () => {
  it('says how many would move and how many would be skipped', () => {
    const letters = drawLetters('. . . .', { 0: 'tired', 3: 'plain' });
    expect(countLetters(letters, order(), null)).toEqual({ count: 2, skipped: 1, next: null });
  });

  it('of a list counts the letters that are there', () => {
    expect(countLetters(drawLetters('- .'), order({ ids: [0, 1].map(idOf) }), null)).toEqual({
      count: 1,
      skipped: 0,
      next: null,
    });
  });

  it('goes on after a position, and says where if it was not all', () => {
    expect(countLetters(drawLetters('. . .'), order(), { lane: 0, offset: 1 }).count).toBe(1);
    const { count, next } = countLetters(drawLetters(backlog(10_001)), order(), null);
    expect([count, next]).toEqual([10_000, { lane: 0, offset: 9_999 }]);
  });
});
