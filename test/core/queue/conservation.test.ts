/** The check of conservation finds what is wrong: one fault a row. */

import { describe, expect, it } from 'vitest';
import { conservationProblem } from '../../support/tables/conservation.ts';
import type { QueueMachine } from '../../../core/queue/state/queue-machine.ts';
import { drawQueue } from '../../support/tables/queue-picture.ts';

const FAULTS: [string, (machine: QueueMachine) => void, RegExp][] = [
  [
    'a message that was published is nowhere',
    (machine) => (machine.counters.published += 1),
    /5 published, but 4 held/,
  ],
  ['a message is counted as settled and still there', (machine) => (machine.counters.settled += 1), /1 gone/],
  [
    'a lease is not counted',
    (machine) => {
      machine.leased -= 1;
      machine.returned += 1;
    },
    /0 leased, but leases hold 1/,
  ],
  [
    'a returned message is counted as one of the backlog',
    (machine) => {
      machine.returned -= 1;
      machine.counters.published -= 1;
    },
    /0 returned, but segments hold 1/,
  ],
  [
    'a lease ends unnoticed',
    (machine) => (machine.earliestExpiryMs = Infinity),
    /expires before the earliest/,
  ],
  ['segments are out of order', (machine) => machine.lanes[0]!.inFlight.reverse(), /out of order at 0/],
  [
    'the cursor is past the end',
    (machine) => {
      machine.lanes[0]!.nextOffset -= 3;
      machine.counters.published -= 3;
    },
    /cursor is past its end/,
  ],
  [
    'a segment that is done with is kept',
    (machine) => machine.lanes[0]!.inFlight[1]!.settle(2, 4),
    /2 is done with/,
  ],
];

describe('conservation', () => {
  it('holds for a machine in order', () => {
    expect(conservationProblem(drawQueue('A r / . .').machine)).toBeNull();
    expect(conservationProblem(drawQueue('A r - / r -').machine)).toBeNull();
  });

  it.each(FAULTS)('finds that %s', (_, damage, problem) => {
    const { machine } = drawQueue('A - / r . .');
    damage(machine);
    expect(conservationProblem(machine)).toMatch(problem);
  });
});
