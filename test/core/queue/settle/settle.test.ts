/** Settlements as tables: what a tag meets, what becomes of the message, and what is put aside. */

import { describe, expect, it } from 'vitest';
import { settle } from '../../../../core/queue/settle/settle.ts';
import { SETTLE_OUTCOMES } from '../../../../protocol/settlements.ts';
import { ERROR_MESSAGE_LENGTH_MAX } from '../../../../protocol/limits.ts';
import { expectRow, type QueueRow } from '../../../support/tables/queue-commands.ts';
import { drawQueue, LEASED_SINCE, NOW } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

/** Retries come after 10 and 20 ms; dead letters have a queue. */
const SETTLEMENTS = rowsOf<keyof QueueRow>(`
  meets             | does                      | outcome         | leaves       | effects                | because
  .                 | ack 0                     | unknown_tag     |              |                        | nothing was delivered yet
  A .               | ack 1                     | unknown_tag     |              |                        | this one was not
  A                 | ack 1                     | unknown_tag     |              |                        | there is no such message
  A                 | ack 3>0                   | unknown_tag     |              |                        | there is no such lane
  A                 | ack 0 delivery=0          | unknown_tag     |              |                        | deliveries are counted from 1
  A                 | ack 0 delivery=2          | unknown_tag     |              |                        | there was no second delivery yet
  r0                | ack 0                     | unknown_tag     |              |                        | it was passed over, never delivered
  A .               | ack 0                     | settled         | - .          |                        | it is done with
  A                 | ack 0                     | settled         | -            |                        | the last one takes its segment with it
  - .               | ack 0                     | already_settled |              |                        | it was done with before
  - / A             | ack 0                     | already_settled |              |                        | its segment is gone
  r                 | ack 0                     | lease_expired   |              |                        | it was given back
  A2                | ack 0                     | lease_expired   |              |                        | it was delivered again since
  A2                | ack 0 delivery=2          | settled         | -            |                        | the second delivery is the one that counts
  A                 | ack 0 as=B                | not_yours       |              |                        | another consumer has it
  A                 | ack 0 as=A                | settled         | -            |                        | this consumer has it
  A@100             | ack 0                     | settled         | -            |                        | a lease that is over holds until it is ended
  A:k .:k           | ack 0                     | settled         | - .          |                        | its key is free again
  1> A ; 0> A       | ack 1>0                   | settled         | 1> - ; 0> A  |                        | each lane has offsets of its own
  A .               | release 0                 | requeued        | r .          |                        | it goes back to its place
  A2!1 .            | release 0 delivery=2      | requeued        | r2!1 .       |                        | being given back is no failure
  A:k               | release 0                 | requeued        | r            |                        | its key is free again
  A<90              | release 0                 | requeued        | r            | look at 90             | it may have expired meanwhile
  A .               | extend 0 lease=50         | extended        | A@150 .      |                        | a lease can get shorter
  A A               | extend 0 lease=500        | extended        | A@600 A      |                        | or longer, and only that of this message
  A@100             | extend 0 lease=50         | extended        | A@150        |                        | or begin again until it is ended
  A                 | extend 0 lease=50 as=B    | not_yours       |              |                        | another consumer has it
  r                 | extend 0 lease=50         | lease_expired   |              |                        | there is nothing to extend
  A .               | reject 0                  | dead_lettered   | - .          | 0 rejected !1          | it is given up, and that was a failure
  A:k               | reject 0                  | dead_lettered   | -            | 0 rejected !1          | its key is free again
  A2!1              | reject 0 delivery=2       | dead_lettered   | -            | 0 rejected !2          | failures are counted together
  A .               | nack 0                    | parked          | - .          | 0 parked until 110 !1  | the first retry comes after the first delay
  A2!1              | nack 0 delivery=2         | parked          | -            | 0 parked until 120 !2  | the second after the second
  A3!2              | nack 0 delivery=3         | dead_lettered   | -            | 0 delivery_limit !3    | there is no third
  A~2.1             | nack 0                    | parked          | -            | 0 parked until 120 !1  | a failure before it was parked counts
  A~3.2             | nack 0                    | dead_lettered   | -            | 0 delivery_limit !1    | two of them use up the retries
  A3                | nack 0 delivery=3         | parked          | -            | 0 parked until 110 !1  | deliveries that did not fail do not count
  A:k               | nack 0                    | parked          | -            | 0 parked until 110 !1  | its key stays in use
  A:k~3.2           | nack 0                    | dead_lettered   | -            | 0 delivery_limit !1    | the key of a dead message is free
  A                 | nack 0 delay=1234         | parked          | -            | 0 parked until 1400 !1 | a delay of its own, in two digits, rounded up
  A .               | nack 0 delay=0            | requeued        | r!1 .        |                        | at once, at its old place
  A:k               | nack 0 delay=0            | requeued        | r!1          |                        | its key is free again
  A<90              | nack 0 delay=0            | requeued        | r!1          | look at 90             | it may have expired meanwhile
  A3!2              | nack 0 delay=0 delivery=3 | dead_lettered   | -            | 0 delivery_limit !3    | a delay of its own gives no further retry
  A~3.2+            | nack 0                    | dead_lettered   | -            | 0 delivery_limit !1    | a dead letter goes on to where this queue sends its own
`);

const WITHOUT_DEAD_LETTERS = rowsOf<keyof QueueRow>(`
  meets  | does               | outcome  | leaves | effects                 | because
  A      | reject 0           | dropped  | -      |                         | there is nowhere to keep it
  A~3.2  | nack 0             | dropped  | -      |                         | nor after the last retry
  A~3.2+ | nack 0             | parked   | -      | 0 parked until 1100 !1  | a dead letter is kept, and waits for a second
  A~3.2+ | nack 0 delay=0     | requeued | r!1    |                         | or as long as it is told to
  A+     | reject 0           | dropped  | -      |                         | who rejects it wants it gone
`);

describe('a settlement', () => {
  it.each(SETTLEMENTS)('$does meets $meets: $outcome, $because', (row) => expectRow(row));

  it.each(WITHOUT_DEAD_LETTERS)('without dead letters $does meets $meets: $outcome, $because', (row) =>
    expectRow(row, { dead_letter: 'none', retry: { schedule_ms: [10, 1_000] } }),
  );

  it('ends in every outcome but that of a tag which cannot be read', () => {
    const named = new Set([...SETTLEMENTS, ...WITHOUT_DEAD_LETTERS].map(({ outcome }) => outcome));
    expect([...named].sort()).toEqual(SETTLE_OUTCOMES.filter((outcome) => outcome !== 'invalid').sort());
  });

  it('keeps who failed, when, and with which error', () => {
    const { machine, source } = drawQueue('A');
    const error = { type: 'TypeError', message: 'x'.repeat(100_000), stack_trace: 'at line 1' };
    const context = { source, nowMs: NOW, random: 0, consumerId: undefined };
    settle(machine, { queueId: 1, lane: 0, offset: 0, delivery: 1 }, { kind: 'nack', error }, context);
    expect(machine.changes.parked).toMatchObject([
      {
        attempts: { deliveries: 1, failures: 1, firstMs: LEASED_SINCE, lastMs: LEASED_SINCE },
        consumerId: 'A',
        error: { type: 'TypeError', stack_trace: 'at line 1' },
      },
    ]);
    expect(machine.changes.parked[0]!.error!.message!.length).toBe(ERROR_MESSAGE_LENGTH_MAX);
  });

  it('keeps the time of the first failure beside that of the last', () => {
    const { machine, source } = drawQueue('A2!1');
    const context = { source, nowMs: NOW, random: 0, consumerId: undefined };
    settle(machine, { queueId: 1, lane: 0, offset: 0, delivery: 2 }, { kind: 'nack' }, context);
    expect(machine.changes.parked[0]!.attempts).toMatchObject({ firstMs: 1, lastMs: LEASED_SINCE });
  });

  it('is a sign of life of a single active consumer, unless it gives a message back', () => {
    for (const [kind, seenMs] of [
      ['ack', NOW],
      ['release', 60],
    ] as const) {
      const { machine, source } = drawQueue('A', { single_active_consumer: true });
      machine.activeConsumer = { id: 'A', seenMs: 60, graceMs: 10, isSuspect: true };
      const context = { source, nowMs: NOW, random: 0, consumerId: undefined };
      settle(machine, { queueId: 1, lane: 0, offset: 0, delivery: 1 }, { kind }, context);
      expect(machine.activeConsumer).toEqual({ id: 'A', seenMs, graceMs: 10, isSuspect: kind === 'release' });
    }
  });
});
