/** What becomes of a message that is not consumed, as a table: every reason, with dead letters kept and not. */

import { describe, expect, it } from 'vitest';
import {
  cappedError,
  countDeath,
  deadLetter,
  isKeptAnyway,
} from '../../../../core/queue/dead-letters/dead-letter.ts';
import { cutText } from '../../../../protocol/cut-text.ts';
import { ERROR_STACK_LENGTH_MAX, ERROR_TYPE_LENGTH_MAX } from '../../../../protocol/limits.ts';
import { DEATH_REASONS, type DeathReason } from '../../../../protocol/schemas/death-reasons.ts';
import { drawQueue, effectsOf, pictureOf, problemOf } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const DEATHS = rowsOf<'reason' | 'kept' | 'outcome' | 'effects' | 'counted' | 'because'>(`
  reason         | kept | outcome       | effects          | counted      | because
  rejected       | yes  | dead_lettered | 0 rejected       | deadLettered | it goes where dead letters go
  expired        | yes  | dead_lettered | 0 expired        | deadLettered | whatever the reason
  maxlen         | yes  | dead_lettered | 0 maxlen         | deadLettered | whatever the reason
  delivery_limit | yes  | dead_lettered | 0 delivery_limit | deadLettered | whatever the reason
  damaged        | yes  | dead_lettered | 0 damaged        | deadLettered | whatever the reason
  rejected       | no   | dropped       |                  | dropped      | there is nowhere to keep it
  maxlen         | no   | dropped       |                  | dropped      | nor one that was too much
  delivery_limit | no   | dropped       |                  | dropped      | nor one that has failed too often
  damaged        | no   | dropped       |                  | dropped      | nor what is left of one
  expired        | no   | dropped       |                  | expired      | one that was too old is counted apart
`);

describe('a message that is not consumed', () => {
  it.each(DEATHS)(
    '$reason, kept: $kept, is $outcome: $because',
    ({ reason, kept, outcome, effects, counted }) => {
      const queue = drawQueue('r .', kept === 'no' ? { dead_letter: 'none' } : {});
      const { machine } = queue;
      const lane = machine.lanes[0]!;
      expect(deadLetter(machine, lane, lane.inFlight[0]!, 0, reason as DeathReason)).toBe(outcome);
      expect([pictureOf(queue), effectsOf(queue)]).toEqual(['- .', effects]);
      expect(machine.counters).toMatchObject({ deadLettered: 0, dropped: 0, expired: 0, [counted]: 1 });
      expect(problemOf(queue)).toBeNull();
    },
  );

  it('has every reason in the table, with both endings', () => {
    for (const kept of ['yes', 'no']) {
      const named = DEATHS.filter((row) => row.kept === kept).map(({ reason }) => reason);
      expect(named.sort()).toEqual([...DEATH_REASONS].sort());
    }
  });

  it('keeps where it goes by default: null is the queue for dead letters', () => {
    const { machine } = drawQueue('', { dead_letter: null });
    expect(countDeath(machine, 'rejected')).toBe('dead_lettered');
  });

  it.each<[string, boolean, boolean, string]>([
    ['none', true, true, 'a dead letter that has nowhere else to go'],
    ['none', false, false, 'a message of this queue'],
    ['dead', true, false, 'a dead letter that can go on'],
  ])(
    'with dead letters to %s, is a dead letter: %s, is kept in spite of all: %s, %s',
    (to, isDeadLetter, isKept) => {
      const { machine } = drawQueue('', { dead_letter: to === 'none' ? 'none' : { queue: to } });
      const metadata = {
        timestampMs: 0,
        expirationMs: null,
        key: null,
        deliveriesBefore: 0,
        failuresBefore: 0,
        isDeadLetter,
      };
      expect(isKeptAnyway(machine, metadata)).toBe(isKept);
      expect(isKeptAnyway(machine, null)).toBe(false);
    },
  );
});

describe('an error', () => {
  it('is kept as far as it is short', () => {
    const long = 'x'.repeat(1_000_000);
    expect(cappedError({ type: long, message: 'm', stack_trace: long })).toEqual({
      type: cutText(long, ERROR_TYPE_LENGTH_MAX),
      message: 'm',
      stack_trace: cutText(long, ERROR_STACK_LENGTH_MAX),
    });
    expect(cappedError({ message: 'm' })).toEqual({ message: 'm' });
  });
});
