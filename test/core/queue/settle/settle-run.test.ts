/** Settlements of runs as a table. */

import { describe, it } from 'vitest';
import { expectRow, type QueueRow } from '../../../support/tables/queue-commands.ts';
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
