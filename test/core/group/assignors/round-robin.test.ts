/** The round-robin assignor as a table. */

import { describe, it } from 'vitest';
import { assignRoundRobin } from '../../../../core/group/assignors/round-robin.ts';
import { expectAssignment, type AssignorRow } from '../../../support/tables/assignments.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const ROWS = rowsOf<keyof AssignorRow>(`
  topics  | members         | assignment                      | because
  t4      | m:t             | m:t0 t1 t2 t3                   | the only member gets all
  t4      | m:t n:t         | m:t0 t2 n:t1 t3                 | one after another
  t3 u1   | m:tu n:tu       | m:t0 t2 n:t1 u0                 | the next topic goes on where the last one ended
  t2 u2   | m:t n:tu        | m:t0 n:t1 u0 u1                 | among those that subscribe
  t1 u2   | m:u n:tu        | m:u0 n:t0 u1                    | whose turn it is, of those
  t2 u2   | m:t             | m:t0 t1                         | a topic that nobody subscribes to is left out
`);

describe('the round-robin assignor', () => {
  it.each(ROWS)('gives $topics to $members as $assignment: $because', (row) =>
    expectAssignment(assignRoundRobin, row),
  );
});
