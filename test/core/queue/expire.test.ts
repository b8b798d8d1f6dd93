/** What time alone does to a queue, as tables. */

import { describe, expect, it } from 'vitest';
import { settle } from '../../../core/queue/settle/settle.ts';
import { EXPIRE_SLICE, expireHeads, expireLeases, EXPIRE_SEGMENTS } from '../../../core/queue/expire.ts';
import { expectRow, type QueueRow } from '../../support/tables/queue-commands.ts';
import { drawQueue, NOW } from '../../support/tables/queue-picture.ts';
import { rowsOf } from '../../support/tables/text-table.ts';

const LEASES = rowsOf<keyof QueueRow>(`
  meets            | does   | outcome | leaves        | effects                                    | because
                   | leases | 0       |               |                                            | there are none
  A@101 .          | leases | 0       |               |                                            | one that has a millisecond left
  A@100 .          | leases | 1       | r!1 .         | A lost 1                                   | one that is over exactly now: a failure
  A@100 A          | leases | 1       | r!1 A         | A lost 1                                   | only what is over
  A@100 A@100 B@90 | leases | 3       | r!1 r!1 r!1   | A lost 2, B lost 1                         | counted for each consumer
  A2!1@100         | leases | 1       | r2!2          | A lost 1                                   | failures add up
  A3!2@100 .       | leases | 1       | - .           | 0 delivery_limit !3, A lost 1              | after the last one it is dead
  A@100:k .:k      | leases | 1       | r!1 .         | A lost 1                                   | its key is free again
  A@100<90         | leases | 1       | r!1           | look at 90, A lost 1                       | it may have expired meanwhile, and is looked at
  A@100~3.2        | leases | 1       | -             | 0 delivery_limit !1, A lost 1              | failures before it was parked count
  A@100 / A@90     | leases | 2       | r!1 / r!1     | A lost 2                                   | in every segment
  1> A@90 ; 0> A@95 | leases | 2      | 1> r!1 ; 0> r!1 | A lost 2                                 | and lane
`);

const HEADS = rowsOf<keyof QueueRow>(`
  meets                | does  | outcome       | leaves    | effects                | because
                       | heads | next Infinity |           |                        | there is nothing
  . .                  | heads | next Infinity |           |                        | nothing expires
  .<101                | heads | next 101      |           |                        | one that has a millisecond left
  .<100                | heads | next Infinity | -         | 0 expired              | one that is over exactly now
  .<100 .              | heads | next Infinity | - .       | 0 expired              | the next one never expires
  .<90 .<90 .<150      | heads | next 150      | - - .     | 0 expired, 1 expired   | as far as they are too old
  .<150 .<90           | heads | next 150      |           |                        | behind a younger one it is found when it gets there
  . .<90               | heads | next Infinity |           |                        | also behind one that never expires
  r .<90               | heads | next Infinity | r -       | 1 expired              | what was given back does not count as the head
  r<150 r<90           | heads | next 150      | r -       | 1 expired              | what was given back is found wherever it lies
  r!1<90               | heads | next Infinity | -         | 0 expired !1           | with its failures
  A<90 .               | heads | next Infinity |           |                        | what a consumer has does not expire
  r0:k<90 .            | heads | next Infinity | - .       | 0 expired              | what was passed over does
  .<90 / .<90          | heads | next Infinity | - / -     | 0 expired, 1 expired   | across segments
  1> .<150 ; 0> .<90   | heads | next 150      | 1> . ; 0> - | 0 expired            | each lane has a head
  1> .<150 ; 0> .<140  | heads | next 140      |           |                        | the first time of all is the next
`);

const WITH_A_TIME_TO_LIVE = rowsOf<keyof QueueRow>(`
  meets          | does   | outcome       | leaves    | effects             | because
  . .=50         | heads  | next 110      | - .       | 0 expired           | published at 0, it is too old; the next follows
  .=50 .<90      | heads  | next 110      |           |                     | in a lane the oldest is the head
  .=50<55        | heads  | next 105      |           |                     | the shorter time counts
  r r=50         | heads  | next 110      | - r       | 0 expired           | what was given back, too
  A@100          | leases | 1             | r!1       | look at 60, A lost 1 | what is given back is looked at
`);

describe('leases', () => {
  it.each(LEASES)('end: $meets leaves $leaves, $because', (row) => expectRow(row));

  it('give a dead letter its reason in words, and the name of the consumer', () => {
    const { machine, source } = drawQueue('A3!2@100');
    expireLeases(machine, source, NOW);
    expect(machine.changes.dead).toMatchObject([
      { reason: 'delivery_limit', consumerId: 'A', error: { type: 'lease_expired' } },
    ]);
  });

  it('of a dead letter that this queue must keep are ended for ever', () => {
    const row = {
      meets: 'A9!9@100+',
      does: 'leases',
      outcome: '1',
      leaves: 'r9!10',
      effects: 'A lost 1',
      because: '',
    };
    expectRow(row, { dead_letter: 'none' });
    expectRow({ ...row, meets: 'A9!9@100', leaves: '-' }, { dead_letter: 'none' });
  });

  it('end a slice at a time, and the rest is due at once', () => {
    const { machine, source } = drawQueue(Array.from({ length: EXPIRE_SLICE + 1 }, () => 'A@90').join(' '));
    expect(expireLeases(machine, source, NOW)).toBe(EXPIRE_SLICE);
    expect(machine.earliestExpiryMs).toBe(90);
    expect(expireLeases(machine, source, NOW)).toBe(1);
    expect(machine.earliestExpiryMs).toBe(Infinity);
  });

  it('leave the end of the next one', () => {
    const { machine, source } = drawQueue('A@90 B@130 B@120');
    expireLeases(machine, source, NOW);
    expect(machine.earliestExpiryMs).toBe(120);
  });
});

describe('messages that are too old', () => {
  it.each(HEADS)('$meets leaves $leaves, $because', (row) => expectRow(row));
  it.each(WITH_A_TIME_TO_LIVE)('with a time to live of 60 ms: $meets leaves $leaves, $because', (row) =>
    expectRow(row, { message_ttl_ms: 60 }),
  );

  it('without dead letters are counted as expired', () => {
    const { machine, source } = drawQueue('.<90 .', { dead_letter: 'none' });
    expireHeads(machine, source, NOW);
    expect(machine.counters).toMatchObject({ expired: 1, deadLettered: 0, dropped: 0 });
  });

  it('go a slice at a time, and the rest is due at once', () => {
    const { machine, source } = drawQueue(Array.from({ length: EXPIRE_SLICE + 1 }, () => '.<90').join(' '));
    expect(expireHeads(machine, source, NOW)).toBe(NOW + 1);
    expect(machine.changes.dead).toHaveLength(EXPIRE_SLICE);
    expect(expireHeads(machine, source, NOW)).toBe(Infinity);
  });
});

describe('messages that were passed over', () => {
  /** Counts the segments that a look reads. */
  function counted(picture: string) {
    const { machine, source } = drawQueue(picture, { message_ttl_ms: 500 });
    let reads = 0;
    const counting = {
      ...source,
      metadata: (extent: Parameters<typeof source.metadata>[0]) => {
        reads += 1;
        return source.metadata(extent);
      },
    };
    const look = (nowMs = NOW): { next: number; reads: number } => {
      reads = 0;
      return { next: expireHeads(machine, counting, nowMs), reads };
    };
    return { machine, source, look };
  }

  it('are read once, until another message comes back or their time has come', () => {
    const { machine, source, look } = counted('r0 A / r0=20 -');
    expect(look()).toEqual({ next: 500, reads: 2 });
    expect(look()).toEqual({ next: 500, reads: 0 });
    const context = { source, nowMs: NOW, random: 0, consumerId: undefined };
    settle(machine, { queueId: 1, lane: 0, offset: 1, delivery: 1 }, { kind: 'release' }, context);
    expect(look()).toEqual({ next: 500, reads: 1 });
    expect(look(500)).toEqual({ next: 520, reads: 1 });
    machine.config = { ...machine.config, message_ttl_ms: 400 };
    expect(look(NOW).reads).toBe(1);
  });

  it('are read so many segments at a time, and the rest is due at once', () => {
    const { look } = counted(Array.from({ length: EXPIRE_SEGMENTS + 10 }, () => 'r0').join(' / '));
    expect(look()).toEqual({ next: NOW + 1, reads: EXPIRE_SEGMENTS });
    expect(look()).toEqual({ next: 500, reads: 10 });
  });
});
