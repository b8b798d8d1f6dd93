/** Purging as a table. */

import { describe, expect, it } from 'vitest';
import { purge } from '../../../core/queue/purge.ts';
import { readyBytes, readyCount } from '../../../core/queue/state/queue-machine.ts';
import { expectRow, type QueueRow } from '../../support/tables/queue-commands.ts';
import { drawQueue } from '../../support/tables/queue-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const PURGES = rowsOf<keyof QueueRow>(`
  meets          | does  | outcome | leaves      | effects                       | because
                 | purge | 0       |             |                               | there is nothing
  A              | purge | 0       |             |                               | consumers keep what they have
  . .            | purge | 2       | - -         | purged from 0                 | what was never looked at goes whole
  . / . .        | purge | 3       | - / - -     | purged from 0                 | all segments of it
  r              | purge | 1       | -           |                               | what was given back goes
  r A r          | purge | 2       | - A -       |                               | around what consumers have
  A .            | purge | 1       | A -         |                               | the rest of a segment
  A . / .        | purge | 2       | A - / -     | purged from 2                 | and what follows it
  1> . ; 0r> .   | purge | 2       | 1> - ; 0r> - | purged from 0r>0, purged from 1>0 | in every lane
  A:k r0:k       | purge | 1       | A -         |                               | a key stays in use
  . .<90         | purge | 2       | - -         | purged from 0                 | nothing is dead-lettered
`);

describe('a purge', () => {
  it.each(PURGES)('of $meets takes $outcome, $because', (row) => expectRow(row));

  it('leaves no ready message and no bytes, and counts what went as dropped', () => {
    const { machine } = drawQueue('A r . / . ; 1> .');
    purge(machine);
    expect([readyCount(machine), readyBytes(machine)]).toEqual([0, 0]);
    expect(machine.counters.dropped).toBe(4);
  });
});
