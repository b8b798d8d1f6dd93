/** Assignors as tables: topics with their partitions, members with what they subscribe to, and who gets what. */

import { describe, it } from 'vitest';
import { assignRange } from '../../../../core/group/assignors/range.ts';
import { expectAssignment, type AssignorRow } from '../../../support/tables/assignments.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const ROWS = rowsOf<keyof AssignorRow>(`
  topics  | members         | assignment                      | because
  t4      | m:t             | m:t0 t1 t2 t3                   | the only member gets all
  t4      | m:t n:t         | m:t0 t1 n:t2 t3                 | neighbouring partitions
  t5      | m:t n:t         | m:t0 t1 t2 n:t3 t4              | the first gets the one that is left
  t1      | m:t n:t         | m:t0 n:                         | there may be nothing left
  t2 u2   | m:tu n:tu       | m:t0 u0 n:t1 u1                 | partitions of one number meet
  t3 u3   | m:tu n:tu       | m:t0 t1 u0 u1 n:t2 u2           | topic by topic
  t2 u2   | m:t n:tu        | m:t0 n:t1 u0 u1                 | among those that subscribe
  t2 u2   | m:t             | m:t0 t1                         | a topic that nobody subscribes to is left out
`);

describe('the range assignor', () => {
  it.each(ROWS)('gives $topics to $members as $assignment: $because', (row) =>
    expectAssignment(assignRange, row),
  );
});
