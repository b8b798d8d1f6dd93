/** What becomes of messages that arrive, as tables. */

import { describe, expect, it } from 'vitest';
import { admit, takesWhole } from '../../../../core/queue/publish/arrive.ts';
import { OVERFLOW_BEHAVIOURS } from '../../../../protocol/schemas/queues.ts';
import { admitted, arrivalsOf, queueWith } from '../../../support/tables/arrivals.ts';
import { NOW } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

interface Row {
  meets: string;
  settings: string;
  rules: string;
  arrives: string;
  becomes: string;
  because: string;
}

const PLACES = rowsOf<keyof Row>(`
  meets | settings                   | rules    | arrives            | becomes                 | because
        |                            |          | m m                | 0> 0>                   | what is due at once is stored
        |                            |          | m^3                | 0>                      | without priorities all are alike
        | priority=3                 |          | m^2 m m^3          | 2> 0> 3>                | each priority has a lane
        | priority=3                 |          | m^4 m^31           | 3> 3>                   | a higher priority counts as the highest
        | priority=31                |          | m^31 m^30          | 31> 30>                 | up to 31
        |                            |          | m@101              | 0>@101                  | what is due in a millisecond waits
        |                            |          | m@100 m@99         | 0> 0>                   | what is due exactly now does not
        | priority=3                 |          | m^3@150 m@150 m    | 3>@150 0>@150 0>        | it waits for its own lane
        | window=50                  |          | m#a m#b            | 0> 0>                   | ids that were not seen
        | window=50                  |          | m#a m#a            | 0> duplicate            | an id that was seen in the same publish
        | window=50 seen=a@101       |          | m#a m              | duplicate 0>            | or before, a millisecond within the window
        | window=50 seen=a@100       |          | m#a                | 0>                      | the window is over exactly now
        | window=0 seen=a@101        |          | m#a m#a            | 0> 0>                   | the queue looks at no ids
        | window=50                  |          | m@150#a m#a        | 0>@150 duplicate        | what waits was seen, too
        | window=50 seen=a@101       | transfer | m#a                | 0>                      | what another queue hands on is known by its number
`);

const NO_ROOM = rowsOf<keyof Row>(`
  meets | settings                                      | rules            | arrives    | becomes                 | because
  . .   | length=2                                      |                  | m          | 0>                      | drop-head takes it, and drops the oldest later
  .     | length=2 overflow=reject-publish              |                  | m          | 0>                      | there is room for one
  . .   | length=2 overflow=reject-publish              |                  | m          | rejected                | there is none
  .     | length=2 overflow=reject-publish              |                  | m m m      | 0> rejected rejected    | there is room for the first
  A A   | length=2 overflow=reject-publish              |                  | m          | 0>                      | what consumers have does not count
  r r   | length=2 overflow=reject-publish              |                  | m          | rejected                | what they gave back does
        | length=2 overflow=reject-publish parked=2     |                  | m          | rejected                | and what waits for its time
        | length=2 parked=2                             |                  | m          | 0>                      | but not where the oldest are dropped
        | length=1 overflow=reject-publish              |                  | m@150 m    | 0>@150 rejected         | what begins to wait counts at once
        | length=0 overflow=reject-publish              |                  | m          | rejected                | a queue of no length takes nothing
  .     | bytes=20 overflow=reject-publish              |                  | m m        | 0> rejected             | bytes count alike
        | bytes=20 overflow=reject-publish parked=1     |                  | m m        | 0> rejected             | those that wait, too
  1> .  | length=1 overflow=reject-publish priority=1   |                  | m^1 m      | rejected rejected       | the length is that of all priorities
  .     | length=1 overflow=reject-publish window=50    |                  | m#a m#a    | rejected rejected       | an id that was refused was not seen
  .     | length=1 overflow=reject-publish window=50 seen=a@101 |          | m#a        | duplicate               | one that was seen needs no room
  .     | length=1 overflow=reject-publish-dlx          |                  | m          | dead                    | what is refused can be kept
  .     | length=1 overflow=reject-publish-dlx dead=none |                 | m          | rejected                | unless there is nowhere
  .     | length=2 overflow=reject-publish              | ordered          | m m m      | 0> rejected rejected cut | nothing may overtake what is refused and comes again
  .     | length=1 overflow=reject-publish window=50 seen=a@101 | ordered  | m m#a      | rejected rejected cut   | not even a duplicate is told
  .     | length=1 overflow=reject-publish window=50 seen=a@101 | ordered  | m#a m      | duplicate rejected cut  | unless it comes first
  .     | length=1 overflow=reject-publish-dlx          | ordered          | m m        | dead dead               | what is dead-lettered does not come again
  .     | length=1 overflow=reject-publish-dlx dead=none | ordered         | m m        | rejected rejected cut   | unless there is nowhere
  .     | length=1 overflow=reject-publish-dlx          | ordered transfer | m m        | rejected rejected cut   | what another queue hands on stays there
  .     | length=1 overflow=reject-publish-dlx          | transfer         | m          | dead                    | unless it may be overtaken
`);

describe('what arrives', () => {
  const expectRow = ({ meets, settings, rules, arrives, becomes }: Row): void =>
    expect(admitted(queueWith(meets, settings), arrives, rules)).toBe(becomes);

  it.each(PLACES)('$arrives into "$meets" with "$settings" becomes $becomes: $because', expectRow);
  it.each(NO_ROOM)('$arrives into "$meets" with "$settings" ($rules) becomes $becomes: $because', expectRow);

  it('meets every overflow mode in the tables', () => {
    const named = NO_ROOM.map(({ settings }) => /overflow=(\S+)/.exec(settings)?.[1] ?? 'drop-head');
    expect(new Set(named)).toEqual(new Set(OVERFLOW_BEHAVIOURS));
  });

  it('counts what the same commit let in before, and adds to it', () => {
    const { machine } = queueWith('', 'length=2 overflow=reject-publish');
    const pending = { count: 1, bytes: 10 };
    const rules = { isTransfer: false, keepsOrder: false };
    expect(admit(machine, arrivalsOf('m m'), pending, NOW, rules).exceptions).toEqual([
      { index: 1, outcome: 'rejected' },
    ]);
    expect(pending).toEqual({ count: 2, bytes: 20 });
  });

  it('is looked at when it expires, but not while it waits for its time', () => {
    const { machine } = queueWith('', '');
    admitted({ ...queueWith('', ''), machine }, 'm@150<10 m<30 m<20', '');
    expect(machine.nextExpiryMs).toBe(NOW + 20);
  });

  it('remembers ids for the window of the queue', () => {
    const { machine } = queueWith('', 'window=50');
    const { ids } = admit(machine, arrivalsOf('m#a m m#a'), { count: 0, bytes: 0 }, NOW, {
      isTransfer: false,
      keepsOrder: false,
    });
    expect(ids).toEqual([{ id: 'a', untilMs: NOW + 50 }]);
    expect([machine.dedup.has('a', NOW + 49), machine.dedup.has('a', NOW + 50)]).toEqual([true, false]);
  });

  it('puts messages that are due together, for one lane, into one group', () => {
    const { machine } = queueWith('', 'priority=1');
    const { parked } = admit(machine, arrivalsOf('m@150 m@150 m^1@150 m@160'), { count: 0, bytes: 0 }, NOW, {
      isTransfer: false,
      keepsOrder: false,
    });
    expect(parked.map(({ dueMs, lane, arrivals }) => [dueMs, lane, arrivals.length])).toEqual([
      [150, 0, 2],
      [150, 2, 1],
      [160, 0, 1],
    ]);
  });

  it('is dead (maxlen) where it is refused and kept, and not where it is refused', () => {
    for (const [overflow, deadLettered] of [
      ['reject-publish', 0],
      ['reject-publish-dlx', 1],
    ] as const) {
      const queue = queueWith('.', `length=1 overflow=${overflow}`);
      admitted(queue, 'm', '');
      expect(queue.machine.counters).toMatchObject({ deadLettered, dropped: 0 });
    }
  });
});

describe('a batch', () => {
  it.each([
    ['.', 'length=1', true, 'drop-head takes whatever comes'],
    ['.', 'length=3 overflow=reject-publish', true, 'there is room for two'],
    ['.', 'length=2 overflow=reject-publish', false, 'there is room for one'],
    ['', 'bytes=19 overflow=reject-publish-dlx', false, 'there is no room for its bytes'],
  ])('of two messages into "%s" with "%s" is taken whole: %s, %s', (meets, settings, isWhole) => {
    expect(takesWhole(queueWith(meets, settings).machine, 2, 20)).toBe(isWhole);
  });
});
