/** Deliveries as tables: what a consumer is given, and what is put aside on the way. */

import { describe, expect, it } from 'vitest';
import { deliver, LOOK_AHEAD_MAX } from '../../../../core/queue/deliver/deliver.ts';
import { PRIORITY_MAX } from '../../../../protocol/limits.ts';
import { expectRow, run, type QueueRow } from '../../../support/tables/queue-commands.ts';
import { drawQueue, MESSAGE_BYTES, NOW, pictureOf } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const ORDER = rowsOf<keyof QueueRow>(`
  meets                        | does                  | outcome       | leaves                       | effects    | because
                               | deliver A             | nothing       |                              |            | the queue is empty
  - -                          | deliver A             | nothing       |                              |            | everything is done with
  A B                          | deliver A             | nothing       |                              |            | others have all of it
  .                            | deliver A             | 0             | A                            |            | a lease for the first message
  . . .                        | deliver A max=2       | 0 1           | A A .                        |            | as many as were asked for, the oldest first
  . . .                        | deliver A bytes=25    | 0 1           | A A .                        |            | or as many bytes
  . . .                        | deliver A bytes=1     | 0             | A . .                        |            | but at least one message
  . .                          | deliver A max=0       | nothing       |                              |            | unless none is asked for
  . .                          | deliver A lease=50    | 0 1           | A@150 A@150                  |            | for as long as was asked for
  . .                          | deliver A auto=1      | 0 1           | - -                          |            | or settled in the same step
  - . .                        | deliver A auto=1      | 1 2           | - - -                        |            | which can be the last of its segment
  A . .                        | deliver B             | 1 2           | A B B                        |            | after what another has
  . / . .                      | deliver A max=2       | 0 1           | A / A .                      |            | across segments
  r .                          | deliver A             | 0x2 1         | A2 A                         |            | what was given back comes first, for the second time
  r2 .                         | deliver A max=1       | 0x3           | A3 .                         |            | or the third
  r2!1 .                       | deliver A max=1       | 0x3           | A3!1 .                       |            | its failures stay
  r r2 r                       | deliver A             | 0x2 1x3 2x2   | A2 A3 A2                     |            | each with its own count
  A r - r .                    | deliver B             | 1x2 3x2 4     | A B2 - B2 B                  |            | wherever they lie
  A r - r .                    | deliver B max=2       | 1x2 3x2       | A B2 - B2 .                  |            | before what was never delivered
  r r                          | deliver A auto=1      | 0x2 1x2       | - -                          |            | settled in the same step, too
`);

const PRIORITIES = rowsOf<keyof QueueRow>(`
  meets                        | does                  | outcome       | leaves                       | effects    | because
  1> . ; 0> .                  | deliver A             | 1>0 0         | 1> A ; 0> A                  |            | the higher priority first
  1> . ; 0> r                  | deliver A max=1       | 1>0           | 1> A ; 0> r                  |            | even before what was given back at a lower one
  0r> . ; 0> .                 | deliver A max=1       | 0r>0          | 0r> A ; 0> .                 |            | what comes back from a retry before its equals
  1> . ; 0r> . ; 0> .          | deliver A max=2       | 1>0 0r>0      | 1> A ; 0r> A ; 0> .          |            | but after a higher priority
  31r> . ; 31> . ; 30r> .      | deliver A max=2       | 31r>0 31>0    | 31r> A ; 31> A ; 30r> .      |            | up to the highest priority
  10> . . ; 9> . ; 2> .        | deliver A max=3       | 10>0 10>1 9>0 | 10> A A ; 9> A ; 2> .        |            | numbers are compared, not texts
  1> A ; 0> .                  | deliver B             | 0             | 1> A ; 0> B                  |            | a priority that has no ready message is passed
`);

const KEYS = rowsOf<keyof QueueRow>(`
  meets                        | does                  | outcome       | leaves                       | effects    | because
  .:k .:k                      | deliver A             | 0             | A r0                         |            | the second of a key waits for the first
  .:k .:l                      | deliver A             | 0 1           | A A                          |            | another key does not
  .:k .                        | deliver A             | 0 1           | A A                          |            | nor a message without one
  A:k .:k .                    | deliver B             | 2             | A r0 B                       |            | whoever has the first
  A:k r0:k .                   | deliver B             | 2             | A r0 B                       |            | again and again
  -:k r0:k .                   | deliver B             | 1 2           | - B B                        |            | until it is done with; what was passed over was never delivered
  r:k .:k                      | deliver A             | 0x2           | A2 r0                        |            | in its order also when it was given back
  A:k r:k                      | deliver B             | nothing       |                              |            | a key is in use in any state of the second
  .:k .:k                      | deliver A auto=1      | 0 1           | - -                          |            | what is settled at once uses no key
  A:k .:k                      | deliver B auto=1      | nothing       | A r0                         |            | but it waits for one that is in use
  .:k .:k .:l                  | deliver A max=2       | 0 2           | A r0 A                       |            | what is passed over counts for nothing
  1> A:k ; 0> .:k              | deliver B             | nothing       | 1> A ; 0> r0                 |            | keys are of the whole queue, not of a priority
  .:k / .:k / .:l              | deliver A             | 0 2           | A / r0 / A                   |            | across segments
`);

const AGE_AND_DAMAGE = rowsOf<keyof QueueRow>(`
  meets                        | does                  | outcome       | leaves                       | effects       | because
  .<100 .                      | deliver A             | 1             | - A                          | 0 expired     | its time is over exactly now
  .<101 .                      | deliver A             | 0 1           | A A                          |               | it has a millisecond left
  .=40<60 .                    | deliver A             | 1             | - A                          | 0 expired     | its time counts from when it was published
  r<100 .                      | deliver A             | 1             | - A                          | 0 expired     | also where it was given back
  r2!1<100 .                   | deliver A             | 1             | - A                          | 0 expired !1  | with its failures
  .<100 .<100                  | deliver A             | nothing       | - -                          | 0 expired, 1 expired | all of them can be too old
  .<100 . .                    | deliver A max=1       | 1             | - A .                        | 0 expired | and they count for nothing
  . .<150                      | deliver A max=1       | 0             | A .                          | look at 150   | the next one expires while it is at the head
  .:k<100 .:k                  | deliver A             | 1             | - A                          | 0 expired     | it leaves its key to the next
  .# .                         | deliver A             | 1             | - A                          | 0 damaged     | what cannot be read is never delivered
  r# .                         | deliver A             | 1             | - A                          | 0 damaged     | at any place
  .<100# .                     | deliver A             | 1             | - A                          | 0 damaged     | that is the reason, whatever its age
`);

const WITH_A_TIME_TO_LIVE = rowsOf<keyof QueueRow>(`
  meets         | does            | outcome   | leaves   | effects     | because
  . .=41        | deliver A       | 1         | - A      | 0 expired   | published at 0, it is 60 ms too old
  . .=41<70     | deliver A       | 1         | - A      | 0 expired   | the shorter time counts: that of the queue
  .=40<60 .=50  | deliver A       | 1         | - A      | 0 expired   | or that of the message
  r=39 .=50     | deliver A       | 1         | - A      | 0 expired   | wherever it lies
`);

describe('a delivery', () => {
  it.each(ORDER)('$does meets $meets: $outcome, $because', (row) => expectRow(row));
  it.each(PRIORITIES)('by priority $does meets $meets: $outcome, $because', (row) => expectRow(row));
  it.each(KEYS)('by key $does meets $meets: $outcome, $because', (row) => expectRow(row));
  it.each(AGE_AND_DAMAGE)('$does meets $meets: $outcome, $because', (row) => expectRow(row));
  it.each(WITH_A_TIME_TO_LIVE)('with a time to live of 60 ms $does meets $meets: $outcome, $because', (row) =>
    expectRow(row, { message_ttl_ms: 60 }),
  );

  it('goes through all priorities, the highest first, and in each through what comes back first', () => {
    const labels = Array.from({ length: PRIORITY_MAX + 1 }, (_, priority) => [
      `${priority}`,
      `${priority}r`,
    ]).flat();
    const queue = drawQueue(labels.map((label) => `${label}> .`).join(';'));
    const expected = labels.reverse().map((label) => (label === '0' ? '0' : `${label}>0`));
    expect(run(queue, 'deliver A')).toBe(expected.join(' '));
  });

  it('takes a message with a time to live of 0 only in the commit that stores it', () => {
    const picture = `.=${NOW}<0 .=${NOW}<0`;
    const queue = drawQueue(picture);
    queue.machine.arrivedFrom = [1];
    expect(run(queue, 'deliver A')).toBe('1');
    expect(run(drawQueue(picture), 'deliver A')).toBe('nothing');
    const older = drawQueue(`.=${NOW - 1}<1`);
    older.machine.arrivedFrom = [0];
    expect(run(older, 'deliver A')).toBe('nothing');
  });

  it('of a paused queue is empty', () => {
    const queue = drawQueue('A r .');
    queue.machine.isPaused = true;
    expect(run(queue, 'deliver B')).toBe('nothing');
    expect(pictureOf(queue)).toBe('A r .');
  });

  it('says until when the leases last', () => {
    const { machine, source } = drawQueue('. .');
    const command = { max: 1, bytesMax: MESSAGE_BYTES, leaseMs: 7, consumerId: 'A', autoAck: false };
    expect(deliver(machine, command, source, NOW)).toMatchObject([
      { start: 0, end: 1, expiresAtMs: NOW + 7 },
    ]);
    expect(machine.earliestExpiryMs).toBe(NOW + 7);
    expect(machine.counters.delivered).toBe(1);
  });

  it('passes over so many messages of keys in use, and then looks no further', () => {
    const waiting = Array.from({ length: LOOK_AHEAD_MAX }, () => '.:k').join(' ');
    const queue = drawQueue(`A:k ${waiting} / . .`);
    expect(run(queue, 'deliver B')).toBe('nothing');
    expect(queue.machine.lanes[0]!.cursor).toBe(LOOK_AHEAD_MAX + 1);
  });

  it('does not look into lower lanes once returning messages are passed over, lest they overtake', () => {
    const waiting = Array.from({ length: LOOK_AHEAD_MAX }, () => '.:k').join(' ');
    const returning = drawQueue(`1> A:k ; 0r> ${waiting} / .:l ; 0> .:l`);
    expect(run(returning, 'deliver B')).toBe('nothing');
    const published = drawQueue(`2> A:k ; 1> ${waiting} / .:l ; 0> .:m`);
    expect(run(published, 'deliver B')).toBe('nothing');
  });
});
