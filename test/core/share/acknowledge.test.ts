/** Acknowledgements of a share group as a table: what a tag meets, and what becomes of the record. */

import { describe, expect, it } from 'vitest';
import {
  acknowledge,
  acknowledgeRanges,
  releaseHeld,
  type Acknowledgement,
  type RangeAcknowledgement,
} from '../../../core/share/acknowledge.ts';
import { ShareWindow, type Archived, type StoredWindow } from '../../../core/share/share-window.ts';
import { ACKNOWLEDGE_OUTCOMES } from '../../../protocol/schemas/share-groups.ts';
import { rowsOf, wordsOf } from '../../support/tables/text-table.ts';

/**
 * A word a record, from offset 10 on: `.` available, `A` acquired by member A until 200, `-` done; with the number of its
 * deliveries (`A2`; 1 if it is not said, 0 of what was never acquired), and `A@90` where the lock ends at 90. Now is 100;
 * a record may be delivered 3 times.
 */
const ROWS = rowsOf<'meets' | 'does' | 'outcome' | 'leaves' | 'archived' | 'because'>(`
  meets   | does                    | outcome      | leaves    | archived            | because
          | accept 10               | unknown_tag  |           |                     | nothing was handed out
  A       | accept 11               | unknown_tag  |           |                     | this one was not
  A       | accept 9                | already_done |           |                     | what lies before the window is done
  A -     | accept 11               | already_done |           |                     | so is this
  A       | accept 10 delivery=2    | unknown_tag  |           |                     | there was no second delivery yet
  .1      | accept 10               | lock_expired |           |                     | it is free again
  A2      | accept 10               | lock_expired |           |                     | it was handed out again since
  A@100   | accept 10               | lock_expired |           |                     | its lock is over, exactly now
  A       | accept 10 as=B          | not_yours    |           |                     | another member has it
  A       | accept 10 as=A          | accepted     |           |                     | this member has it
  A@101   | accept 10               | accepted     |           |                     | a millisecond is left
  A A     | accept 11               | accepted     | A -       |                     | in any order
  A2      | accept 10 delivery=2    | accepted     |           |                     | of any delivery
  A A     | extend 10 lock=50       | extended     | A@150 A   |                     | a lock can get shorter, and only this one
  A       | extend 10 lock=500      | extended     | A@600     |                     | or longer
  A A     | release 10              | released     | .1 A      |                     | it is free for any member
  A2      | release 10 delivery=2   | released     | .2        |                     | until it has been delivered as often as it may be
  A3      | release 10 delivery=3   | archived     |           | 10 delivery_limit 3 | now it has
  A A     | reject 10               | archived     | A         | 10 rejected 1       | it is given up
  A A     | reject 11               | archived     | A -       | 11 rejected 1       | in any order
`);

const KINDS = { '.': 0, A: 1, '-': 2 } as const;

function windowOf(text: string): ShareWindow {
  const words = text.split(' ').filter((word) => word !== '');
  const runs = words.map((word): StoredWindow['runs'][number] => {
    const [, state, count = state === 'A' ? '1' : '0', until = '200'] = /^([.A-])(\d+)?(?:@(\d+))?$/.exec(
      word,
    )!;
    const kind = KINDS[state as keyof typeof KINDS];
    return kind === 1 ? [1, kind, Number(count), Number(until), 0] : [1, kind, Number(count)];
  });
  return new ShareWindow({ start: 10, archived: 0, members: ['A'], runs });
}

function textOf(window: ShareWindow): string {
  const letters = { available: '.', acquired: 'A', done: '-' };
  return window.runs
    .flatMap(({ start, end, kind, deliveries, expiresAtMs }) => {
      const count = kind === 'done' || (kind === 'acquired' && deliveries === 1) ? '' : String(deliveries);
      const until = kind === 'acquired' && expiresAtMs !== 200 ? `@${expiresAtMs}` : '';
      return Array.from({ length: end - start }, () => `${letters[kind]}${count}${until}`);
    })
    .join(' ');
}

describe('an acknowledgement', () => {
  it.each(ROWS)('$does meets $meets: $outcome, $because', ({ meets, does, outcome, leaves, archived }) => {
    const window = windowOf(meets);
    const { verb, args, options } = wordsOf(does);
    const acknowledgement: Acknowledgement = {
      kind: verb as Acknowledgement['kind'],
      offset: Number(args[0]),
      delivery: Number(options['delivery'] ?? 1),
      lockMs: Number(options['lock'] ?? 0),
    };
    const gone: Archived[] = [];
    const context = { memberId: options['as'], deliveryLimit: 3, nowMs: 100 };
    expect(acknowledge(window, acknowledgement, context, gone)).toBe(outcome);
    const isOver = leaves === '' && ['accepted', 'archived'].includes(outcome);
    expect(textOf(window)).toBe(leaves === '' && !isOver ? meets : leaves);
    expect(gone.map(({ start, reason, deliveries }) => `${start} ${reason} ${deliveries}`).join(', ')).toBe(
      archived,
    );
    expect(window.archivedCount).toBe(gone.length);
  });

  it('has every outcome in the table', () => {
    expect(new Set(ROWS.map(({ outcome }) => outcome))).toEqual(new Set(ACKNOWLEDGE_OUTCOMES));
  });
});

/** Ranges by member A: `accept 10-12` are the offsets 10 and 11. */
const RANGES = rowsOf<'meets' | 'does' | 'outcome' | 'leaves' | 'archived' | 'because'>(`
  meets     | does                       | outcome        | leaves    | archived                               | because
            | accept 10-12               | unknown_record |           |                                        | nothing was handed out
  A A A     | accept 10-12               | acknowledged   | A         |                                        | both are its own
  A A       | accept 5-11                | acknowledged   | A         |                                        | what lies before the window is done
  A A A     | accept 11-12, reject 12-13 | acknowledged   | A - -     | 12 rejected 1                          | each range in its way
  A2 A2 A   | reject 10-13               | acknowledged   |           | 10 rejected 2, 11 rejected 2, 12 rejected 1 | runs of other deliveries too
  A A3      | release 10-12              | acknowledged   | .1 -      | 11 delivery_limit 3                    | one had its last delivery
  A A       | extend 10-12 lock=50       | acknowledged   | A@150 A@150 |                                      | both
  A .1      | accept 10-12               | lock_expired   |           |                                        | one of them is free: none is accepted
  A A@100   | accept 10-12               | lock_expired   |           |                                        | one of the locks is over
  A A -     | accept 10-13               | already_done   |           |                                        | one of them is done
  A A       | accept 10-13               | unknown_record |           |                                        | one was not handed out
  A A       | accept 10-11, accept 10-12 | already_done   |           |                                        | one is named twice
  A A       | accept 10-11 as=B          | not_yours      |           |                                        | another member has it
`);

describe('an acknowledgement of ranges', () => {
  it.each(RANGES)('$does meets $meets: $outcome, $because', ({ meets, does, outcome, leaves, archived }) => {
    const window = windowOf(meets);
    let memberId = 'A';
    const ranges = does.split(', ').map((text): RangeAcknowledgement => {
      const { verb, args, options } = wordsOf(text);
      const [start, end] = args[0]!.split('-').map(Number);
      memberId = options['as'] ?? memberId;
      const lockMs = Number(options['lock'] ?? 0);
      return { kind: verb as RangeAcknowledgement['kind'], start: start!, end: end!, lockMs };
    });
    const gone: Archived[] = [];
    const context = { memberId, deliveryLimit: 3, nowMs: 100 };
    expect(acknowledgeRanges(window, ranges, context, gone)).toBe(outcome);
    expect(textOf(window)).toBe(outcome === 'acknowledged' ? leaves : meets);
    expect(gone.map(({ start, reason, deliveries }) => `${start} ${reason} ${deliveries}`).join(', ')).toBe(
      archived,
    );
  });
});

describe('a member that goes away', () => {
  it('releases what it holds, and no more', () => {
    const window = windowOf('A .1 - A3 A@100 A');
    const gone: Archived[] = [];
    releaseHeld(window, { memberId: 'B', deliveryLimit: 3, nowMs: 100 }, gone);
    expect(textOf(window)).toBe('A .1 - A3 A@100 A');
    releaseHeld(window, { memberId: 'A', deliveryLimit: 3, nowMs: 100 }, gone);
    expect(textOf(window)).toBe('.1 .1 - - A@100 .1');
    expect(gone).toEqual([{ start: 13, end: 14, deliveries: 3, reason: 'delivery_limit' }]);
  });
});
