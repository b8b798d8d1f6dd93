/** What a queue makes of a message on a stream that is far too large: a short refusal, before anything is looked at one by one. */

import { expect, it } from 'vitest';
import { readStreamMessage, runsOf } from '../../../../durable-objects/queue/deliver/settle-message.ts';
import { SETTLE_TAGS_MAX } from '../../../../protocol/limits.ts';

const fields = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`field${index}`, 1]));

it.each<[string, unknown, string]>([
  ['a list', Array.from({ length: 100_000 }, () => 1), 'invalid_field'],
  ['very many fields', fields(100_000), 'invalid_field'],
  ['more tags than allowed', { ack: Array.from({ length: SETTLE_TAGS_MAX + 1 }, () => 7) }, 'too_many_tags'],
  [
    'more tags than allowed in several lists',
    { ack: Array.from({ length: SETTLE_TAGS_MAX }, () => 'a'), release: ['b'] },
    'too_many_tags',
  ],
])('refuses %s shortly', (_, message, code) => {
  const refused = readStreamMessage(JSON.stringify(message));
  expect(refused).toMatchObject({ code });
  expect(JSON.stringify(refused).length).toBeLessThan(300);
});

it('says which message it was', () => {
  const read = readStreamMessage(JSON.stringify({ id: 'mine', ...fields(1_000) }));
  expect(read).toMatchObject({ details: { id: 'mine' } });
});

it('settles what follows each other and is settled alike as one run', () => {
  const runs = runsOf({
    ack: [
      '1-0-5-1',
      '1-0-6-1',
      '1-0-7-2',
      '1-0-8-2',
      '1-1-9-2',
      '2-1-a-2',
      'none',
      'none either',
      '1-0-6-1',
      '1-0-5-1',
    ],
    nack: [{ tag: '1-0-1-1' }, { tag: '1-0-2-1' }],
    release: ['1-0-3-1', '1-0-4-1'],
  });
  expect(
    runs.map(({ queueId, lane, start, end, delivery, settlement }) => [
      settlement.kind,
      [queueId, lane, delivery],
      [start, end],
    ]),
  ).toEqual([
    ['ack', [1, 0, 1], [5, 7]],
    ['ack', [1, 0, 2], [7, 9]],
    ['ack', [1, 1, 2], [9, 10]],
    ['ack', [2, 1, 2], [10, 11]],
    ['ack', [-1, 0, 0], [0, 1]],
    ['ack', [-1, 0, 0], [0, 1]],
    ['ack', [1, 0, 1], [6, 7]],
    ['ack', [1, 0, 1], [5, 6]],
    ['nack', [1, 0, 1], [1, 2]],
    ['nack', [1, 0, 1], [2, 3]],
    ['release', [1, 0, 1], [3, 5]],
  ]);
});
