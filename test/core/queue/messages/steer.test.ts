/** Steering of one message: what a cancellation leaves, and which messages go before their turn. */

import { describe, expect, it } from 'vitest';
import { heldAt } from '../../../../core/queue/messages/held-messages.ts';
import { cancelReady, countCancelled, runReady } from '../../../../core/queue/messages/steer.ts';
import { drawQueue, laneOfLabel, pictureOf, problemOf } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const NO_LETTERS = { dead_letter: 'none' as const };

const CANCELS = rowsOf<'meets' | 'at' | 'letter' | 'outcome' | 'leaves' | 'because'>(`
  meets     | at | letter | outcome       | leaves     | because
  .         | 0  |        | cancelled     | -          | the only one
  . . .     | 1  |        | cancelled     | r0 - .     | those before it stay first
  . / . / . | 1  |        | cancelled     | r0 / - / . | in another segment
  A r2 .    | 1  |        | cancelled     | A - .      | one that was given back
  A .       | 0  |        | leased        | A .        | a consumer has it
  A .       | 1  | yes    | dead_lettered | A -        | as a dead letter
`);

describe('a cancellation', () => {
  it.each(CANCELS)('of $at in "$meets" is $outcome: $because', ({ meets, at, letter, outcome, leaves }) => {
    const queue = drawQueue(meets);
    const { machine, source } = queue;
    const held = heldAt(machine, source, { lane: 0, offset: Number(at) })!;
    expect(cancelReady(machine, source, held, letter === 'yes')).toBe(outcome);
    expect(pictureOf(queue)).toBe(leaves);
    expect(problemOf(queue)).toBeNull();
    const { dropped, deadLettered } = machine.counters;
    expect([dropped, deadLettered]).toEqual([
      Number(outcome === 'cancelled'),
      Number(outcome === 'dead_lettered'),
    ]);
  });

  it('that is to be kept counts as rejected, and keeps nothing in a queue without dead letters', () => {
    const { machine } = drawQueue('.', NO_LETTERS);
    expect(countCancelled(machine, true)).toBe('cancelled');
    expect(machine.counters.dropped).toBe(1);
  });
});

describe('a message that is to be run now', () => {
  it.each([
    ['. .', '0', 1, { to: laneOfLabel('0r') }, 'goes before all of its priority'],
    ['3> r2 .', '3', 0, { to: laneOfLabel('3r') }, 'keeps its priority'],
    ['0r> r2 .', '0r', 1, 'stays', 'goes first already'],
    ['A .', '0', 0, 'leased', 'is with a consumer'],
    ['. .:k', '0', 1, 'keyed', 'passes no other of its key'],
    ['.:k .', '0', 1, { to: laneOfLabel('0r') }, 'has no key, though others have'],
  ])('of "%s" (%s, %i) is %j: it %s', (picture, label, offset, turn, _because) => {
    const { machine, source } = drawQueue(picture);
    const held = heldAt(machine, source, { lane: laneOfLabel(label), offset })!;
    expect(runReady(source, held)).toEqual(turn);
  });
});
