/** What a queue makes of a message on a stream that is far too large: a short refusal, before anything is looked at one by one. */

import { expect, it } from 'vitest';
import { readStreamMessage } from '../../../../durable-objects/queue/deliver/settle-message.ts';
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
