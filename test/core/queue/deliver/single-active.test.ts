/** The single active consumer, as a table. */

import { describe, expect, it } from 'vitest';
import {
  activate,
  handOverMs,
  mayConsume,
  noteLeaseEnded,
  noteSeen,
  resign,
} from '../../../../core/queue/deliver/single-active.ts';
import { run } from '../../../support/tables/queue-commands.ts';
import { drawQueue, NOW, type DrawnQueue } from '../../../support/tables/queue-picture.ts';
import { rowsOf, wordsOf } from '../../../support/tables/text-table.ts';

/**
 * `active` is the active consumer with its last sign of life, its grace, and `?` where a lease of it has ended. `waits` are
 * those that wait. The queue's own lease is 60 ms. `next` is when another may take over, in ms.
 */
interface Row {
  meets: string;
  active: string;
  waits: string;
  A: string;
  B: string;
  next: string;
  because: string;
}

const ROWS = rowsOf<keyof Row>(`
  meets   | active | waits | A   | B   | next     | because
  .       |        |       | yes | yes | 100      | there is none: whoever asks becomes it
  .       | A90+50 |       | yes | no  | 140      | it is silent between two polls
  .       | A50+50 |       | yes | yes | 100      | it has been silent for its grace, exactly
  .       | A50+51 |       | yes | no  | 101      | a millisecond is left
  .       | A39+90 |       | yes | yes | 99       | no grace is longer than the lease of the queue
  .       | A50+50 | A     | yes | no  | Infinity | it waits, so it is there
  .       | A50+50 | B     | yes | yes | 100      | who comes first of both
  A .     | A0+10  |       | yes | no  | Infinity | it holds a lease
  A@90 .  | A0+10  |       | yes | no  | Infinity | also one that is over, until it is ended
  B .     | A0+10  |       | yes | yes | 10       | another one's lease does not count
  .       | A90+50? |      | yes | yes | 100      | it let a lease end: another may take over at once
  .       | A90+50? | B    | no  | yes | 100      | and if one waits, it must
  .       | A90+50? | A    | yes | yes | 100      | waiting does not help it
  A .     | A90+50? | B    | yes | no  | Infinity | another lease of it does
  A .     |        |       | yes | no  | Infinity | after a start it is whoever holds a lease
  - / B . |        |       | no  | yes | Infinity | in any segment
`);

describe('a single active consumer', () => {
  it.each(ROWS)('"$active" of "$meets" while "$waits" wait: A $A, B $B, $because', (row) => {
    const queue = queueOf(row);
    const waiting = {
      isWaiting: (id: string) => row.waits.includes(id),
      othersWait: (id: string) => row.waits.split('').some((other) => other !== id),
    };
    const may = (id: string): string => (mayConsume(queueOf(row).machine, id, waiting, NOW) ? 'yes' : 'no');
    expect({ A: may('A'), B: may('B'), next: String(handOverMs(queue.machine, waiting, NOW)) }).toEqual({
      A: row.A,
      B: row.B,
      next: row.next,
    });
  });

  it('is none of a queue that serves all', () => {
    const { machine } = queueOf({ meets: 'A .', active: 'A90+50' });
    machine.config = { ...machine.config, single_active_consumer: false };
    const nobody = { isWaiting: () => false, othersWait: () => false };
    expect(mayConsume(machine, 'B', nobody, NOW)).toBe(true);
    machine.activeConsumer = null;
    activate(machine, 'B', 10, NOW);
    expect(machine.activeConsumer).toBeNull();
  });

  it('is whoever was given messages, for the lease that it asked for', () => {
    const queue = queueOf({ meets: '.', active: '' });
    run(queue, 'deliver B lease=20');
    expect(queue.machine.activeConsumer).toEqual({ id: 'B', seenMs: NOW, graceMs: 20, isSuspect: false });
    run(queue, 'deliver C');
    expect(queue.machine.activeConsumer!.id).toBe('B');
  });
});

/** What happens to the active consumer, one thing a row. */
const EVENTS = rowsOf<'meets' | 'active' | 'happens' | 'leaves' | 'because'>(`
  meets | active  | happens    | leaves   | because
  .     | A50+50  | seen A     | A100+50  | a sign of life
  .     | A50+50? | seen A     | A100+50  | which ends the doubt
  .     | A50+50? | seen B     | A50+50?  | that of another changes nothing
  .     | A150+50 | seen A     | A150+50  | an older one neither
  .     |         | seen A     |          | nor that of none
  .     | A50+50  | ended A    | A50+50?  | a lease of it has ended
  .     | A50+50  | ended B    | A50+50   | one of another changes nothing
  .     | A50+50  | resigns A  |          | it gives the role back
  A .   | A50+50  | resigns A  | A50+50   | not while it holds a lease
  .     | A50+50  | resigns B  | A50+50   | nobody gives back another one's
`);

describe('the role', () => {
  it.each(EVENTS)(
    'of "$active" with "$meets": $happens leaves "$leaves", $because',
    ({ happens, leaves, ...row }) => {
      const { machine } = queueOf(row);
      const { verb, args } = wordsOf(happens);
      if (verb === 'seen') noteSeen(machine, args[0]!, NOW);
      else if (verb === 'ended') noteLeaseEnded(machine, args[0]!);
      else resign(machine, args[0]!);
      const active = machine.activeConsumer;
      expect(
        active ? `${active.id}${active.seenMs}+${active.graceMs}${active.isSuspect ? '?' : ''}` : '',
      ).toBe(leaves);
    },
  );
});

function queueOf({ meets, active }: Pick<Row, 'meets' | 'active'>): DrawnQueue {
  const queue = drawQueue(meets, { single_active_consumer: true, lease_ms: 60 });
  const [, id, seenMs, graceMs, doubt] = /^([A-Z])(\d+)\+(\d+)(\??)$/.exec(active) ?? [];
  if (id !== undefined)
    queue.machine.activeConsumer = {
      id,
      seenMs: Number(seenMs),
      graceMs: Number(graceMs),
      isSuspect: doubt === '?',
    };
  return queue;
}
