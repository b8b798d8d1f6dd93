/** Letter routes as a table: which destination gets a dead letter, and why none does. */

import { describe, expect, it } from 'vitest';
import type { Destination } from '../../../../core/exchange/binding.ts';
import {
  isBeyondHopLimit,
  NONE_DISCARDED,
  routeLetters,
  routeReplayed,
  withDiscarded,
  type Discarded,
} from '../../../../core/queue/dead-letters/letter-routes.ts';
import { deathRecord } from '../../../../core/queue/dead-letters/dead-letter-record.ts';
import { BROKER_HOPS_MAX } from '../../../../protocol/limits.ts';
import type { LogRecord } from '../../../../protocol/record-batch/index.ts';
import type { DeathReason } from '../../../../protocol/schemas/death-reasons.ts';
import { HOPS_HEADER, textHeader } from '../../../../protocol/schemas/messages.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const LAST_RESORT: Destination = { kind: 'queue', name: 'last' };

/** A letter that died in these queues, the last one last, and was handed on so often before. */
function letterOf(deaths: string, hops: number): LogRecord {
  const headers = [textHeader(HOPS_HEADER, String(hops))];
  let record: LogRecord = { offset: 0, timestamp: 0, key: null, value: null, headers };
  for (const death of deaths.split(',')) {
    const [queue, reason] = death.trim().split(' ');
    record = deathRecord(record, reason as DeathReason, queue!, 1);
  }
  return record;
}

/** `a t:b` is queue a and topic b. */
function destinationsOf(text: string): Destination[] {
  return text.split(' ').flatMap((word): Destination[] => {
    if (word === '') return [];
    return [word.startsWith('t:') ? { kind: 'topic', name: word.slice(2) } : { kind: 'queue', name: word }];
  });
}

const textOf = ({ kind, name }: Destination): string => (kind === 'topic' ? `t:${name}` : name);

const ROUTES = rowsOf<'deaths' | 'hops' | 'to' | 'last' | 'gets' | 'discarded' | 'because'>(`
  deaths                | hops | to    | last | gets  | discarded  | because
  a rejected            | 0    | b     |      | b     |            | where it is sent
  a rejected            | 0    | b t:b |      | b t:b |            | to all that take it
  a rejected            | 0    |       |      |       | unroutable | nobody takes it
  a rejected            | 0    | drop  |      |       | dropped    | the queue drops its dead letters
  a expired, b expired  | 0    | a     |      |       | cycle      | it would go round in circles
  a expired, b expired  | 0    | a c   |      | c     | cycle      | others still get it
  a expired, b rejected | 0    | a     |      | a     |            | a consumer has rejected it since
  a expired, b expired  | 0    | t:a   |      | t:a   |            | a topic is no queue
  a rejected            | max  | b     |      |       | hop_limit  | it was handed on too often
  a rejected            | max  | b     | yes  | last  |            | and stops where a person can see it
  a rejected            | max  | drop  | yes  | last  |            | even if others are dropped
  a rejected            | last | b     | yes  | b     |            | not too often yet
`);

describe('a dead letter', () => {
  it.each(ROUTES)('of "$deaths" to "$to" after $hops hops: "$gets" $discarded, $because', (row) => {
    const hops = { max: BROKER_HOPS_MAX, last: BROKER_HOPS_MAX - 1 }[row.hops] ?? Number(row.hops);
    const letter = letterOf(row.deaths, hops);
    const destinations = row.to === 'drop' ? null : [destinationsOf(row.to)];
    const { batches, discarded } = routeLetters([letter], destinations, row.last ? LAST_RESORT : null);
    expect(isBeyondHopLimit(letter)).toBe(row.hops === 'max');
    expect(batches.map(({ destination }) => textOf(destination)).join(' ')).toBe(row.gets);
    expect(discarded).toEqual({
      ...NONE_DISCARDED,
      ...(row.discarded && { [row.discarded as keyof Discarded]: 1 }),
    });
  });
});

it('groups letters by destination, and counts each that nobody got', () => {
  const letters = ['a expired', 'b expired', 'a expired'].map((deaths) => letterOf(deaths, 0));
  const to = [destinationsOf('b c'), destinationsOf('b c'), []];
  const { batches, discarded } = routeLetters(letters, to, null);
  expect(batches.map(({ destination, indexes }) => [textOf(destination), indexes])).toEqual([
    ['b', [0]],
    ['c', [0, 1]],
  ]);
  expect(discarded).toEqual({ cycle: 1, hop_limit: 0, unroutable: 1, dropped: 0 });
});

it('sends replayed messages wherever the replay says', () => {
  const { batches, discarded } = routeReplayed([destinationsOf('a'), [], destinationsOf('a')]);
  expect(batches).toEqual([{ destination: { kind: 'queue', name: 'a' }, indexes: [0, 2] }]);
  expect(discarded).toEqual({ ...NONE_DISCARDED, unroutable: 1 });
});

it('adds up what was discarded, and leaves the sum as it is if nothing was', () => {
  const known = { cycle: 1, hop_limit: 0, unroutable: 2, dropped: 0 };
  expect(withDiscarded(known, { ...NONE_DISCARDED, cycle: 2, dropped: 1 })).toEqual({
    cycle: 3,
    hop_limit: 0,
    unroutable: 2,
    dropped: 1,
  });
  expect(withDiscarded(known, NONE_DISCARDED)).toBe(known);
});
