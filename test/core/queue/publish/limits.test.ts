/** The limits of a queue's length, as tables. */

import { describe, expect, it } from 'vitest';
import { DROP_SLICE, dropHead, isOver } from '../../../../core/queue/publish/limits.ts';
import { queueWith } from '../../../support/tables/arrivals.ts';
import { expectRow, type QueueRow } from '../../../support/tables/queue-commands.ts';
import { drawQueue } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

/** At most two messages are ready. */
const DROPS = rowsOf<keyof QueueRow>(`
  meets                  | does | outcome | leaves             | effects                     | because
  . .                    | drop | all     |                    |                             | as many as there may be
  . . .                  | drop | all     | - . .              | 0 maxlen                    | the oldest goes
  . . . .                | drop | all     | - - . .            | 0 maxlen, 1 maxlen          | and the next
  A . .                  | drop | all     |                    |                             | what consumers have does not count
  A . . .                | drop | all     | A - . .            | 1 maxlen                    | and stays
  r . .                  | drop | all     | - . .              | 0 maxlen                    | what was given back is the oldest
  r2!1 . .               | drop | all     | - . .              | 0 maxlen !1                 | with its failures
  A r . .                | drop | all     | A - . .            | 1 maxlen                    | wherever it lies
  . / . .                | drop | all     | - / . .            | 0 maxlen                    | a whole segment
  1> . . ; 0> .          | drop | all     | 1> . . ; 0> -      | 0 maxlen                    | the lowest priority first
  1> . . . ; 0> A        | drop | all     | 1> - . . ; 0> A    | 1>0 maxlen                  | then the next
  10> . . ; 9> . ; 2> .  | drop | all     | 10> . . ; 9> - ; 2> - | 2>0 maxlen, 9>0 maxlen   | numbers are compared, not texts
  0r> . ; 0> . .         | drop | all     | 0r> . ; 0> - .     | 0 maxlen                    | what comes back from a retry is worth more
  A:k r0:k . .           | drop | all     | A - . .            | 1 maxlen                    | what was passed over is the oldest
`);

describe('a queue above its length', () => {
  it.each(DROPS)('with $meets keeps $leaves, $because', (row) => expectRow(row, { max_length: 2 }));

  it('drops by bytes alike', () => {
    const row = {
      meets: '. . .',
      does: 'drop',
      outcome: 'all',
      leaves: '- - .',
      effects: '0 maxlen, 1 maxlen',
      because: '',
    };
    expectRow(row, { max_bytes: 15 });
  });

  it('counts what it drops and does not keep as dropped', () => {
    const { machine, source } = drawQueue('. .', { max_length: 0, dead_letter: 'none' });
    expect(dropHead(machine, source)).toBe(true);
    expect(machine.counters).toMatchObject({ dropped: 2, deadLettered: 0 });
  });

  it('drops a slice at a time, from the backlog as from what was given back', () => {
    for (const word of ['.', 'r']) {
      const picture = Array.from({ length: DROP_SLICE + 1 }, () => word).join(' ');
      const { machine, source } = drawQueue(picture, { max_length: 0 });
      expect(dropHead(machine, source)).toBe(false);
      expect(machine.changes.dead).toHaveLength(DROP_SLICE);
      expect(dropHead(machine, source)).toBe(true);
    }
  });
});

describe('a limit', () => {
  it.each([
    ['. .', '', false, 'there is none'],
    ['. .', 'length=3', false, 'one more fits'],
    ['. .', 'length=2', true, 'it does not'],
    ['A .', 'length=2', false, 'what consumers have does not count'],
    ['. .', 'bytes=30', false, 'its bytes fit'],
    ['. .', 'bytes=29', true, 'they do not'],
    ['.', 'length=2 parked=1', false, 'what waits does not count where the oldest are dropped'],
    ['.', 'length=2 parked=1 overflow=reject-publish', true, 'it does where the newest are refused'],
    ['.', 'bytes=29 parked=1 overflow=reject-publish-dlx', true, 'with its bytes'],
  ])('for "%s" with "%s" and one more is passed: %s, %s', (meets, settings, expected) => {
    expect(isOver(queueWith(meets, settings).machine, 1, 10)).toBe(expected);
  });
});
