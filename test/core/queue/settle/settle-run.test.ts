/** Settlements of runs as a table. */

import { describe, expect, it } from 'vitest';
import { freesNothing, type SettleRun } from '../../../../core/queue/settle/settle-run.ts';
import { expectRow, type QueueRow } from '../../../support/tables/queue-commands.ts';
import { drawQueue } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

/** A run is settled as each of its messages alone would be. */
const RUNS = rowsOf<keyof QueueRow>(`
  meets       | does                 | outcome                         | leaves        | effects       | because
  A A A       | ack 0-2              | settled settled settled         | - - -         |               | the usual case, in one step
  A A .       | ack 0-2              | settled settled unknown_tag     | - - .         |               | up to what was delivered
  A - A       | ack 0-2              | settled already_settled settled | - - -         |               | around what is done with
  A B A       | ack 0-2 as=A         | settled not_yours settled       | - B -         |               | and around what another has
  A A2 A      | ack 0-2              | settled lease_expired settled   | - A2 -        |               | or was delivered again
  A:k A:l     | ack 0-1              | settled settled                 | - -           |               | keys are freed one by one
  A A / A A   | ack 1-2              | settled settled                 | A - / - A     |               | across segments
  A A A       | release 0-1          | requeued requeued               | r r A         |               | any other settlement, one by one
  A A A       | ack 1-1              | settled                         | A - A         |               | a lease is cut in two
`);

describe('a run of settlements', () => {
  it.each(RUNS)('$does meets $meets: $outcome, $because', (row) => expectRow(row));
});

describe('settlements that free nothing', () => {
  const runOf = (kind: 'ack' | 'release'): SettleRun => {
    return { queueId: 0, lane: 0, start: 0, end: 1, delivery: 1, settlement: { kind } };
  };
  it.each<[meets: string, kinds: ('ack' | 'release')[], isSo: boolean, because: string]>([
    ['A A', ['ack', 'ack'], true, 'acks, and nobody could get more'],
    ['A .', ['ack'], false, 'a message is there that was never delivered'],
    ['A r', ['ack'], false, 'a message has come back'],
    ['A A', ['ack', 'release'], false, 'a message comes back'],
  ])('%s meets %s: %s, %s', (meets, kinds, isSo) => {
    expect(freesNothing(drawQueue(meets).machine, kinds.map(runOf))).toBe(isSo);
  });
});
