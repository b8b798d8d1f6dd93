/** The sticky assignor as a table. */

import { describe, it } from 'vitest';
import { assignStickyCooperative } from '../../../../core/group/assignors/sticky-cooperative.ts';
import { expectAssignment, type AssignorRow } from '../../../support/tables/assignments.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const ROWS = rowsOf<keyof AssignorRow>(`
  topics  | members              | assignment                 | because
  t4      | m:t                  | m:t0 t1 t2 t3              | the only member gets all
  t4      | m:t=t0,t1,t2,t3 n:t  | m:t0 t1 n:t2 t3            | who comes gets its share, and no more moves
  t4      | m:t=t0,t1 n:t=t2,t3  | m:t0 t1 n:t2 t3            | nothing moves where nothing has to
  t4      | m:t=t2,t3 n:t=t0,t1  | m:t2 t3 n:t0 t1            | whoever has what
  t3      | m:t=t0 n:t=t1,t2     | m:t0 n:t1 t2               | the larger share stays with who has it
  t2      | m:t=t0,t1 n:t=t0,t1  | m:t0 n:t1                  | of two that say they have it the first keeps it
  t2 u2   | m:tu=t0,t1 n:u       | m:t0 t1 n:u0 u1            | what is open goes to who has fewest
  t4 u2   | m:tu=u0,u1 n:u       | m:t0 t1 t2 t3 n:u1 u0      | and what others can have moves to them
`);

describe('the sticky assignor', () => {
  it.each(ROWS)('gives $topics to $members as $assignment: $because', (row) =>
    expectAssignment(assignStickyCooperative, row),
  );
});
