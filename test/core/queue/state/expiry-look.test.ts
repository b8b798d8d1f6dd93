/** When to look for expired messages, as a table. */

import { describe, expect, it } from 'vitest';
import { noteExpiry, noteHead, noteReturned } from '../../../../core/queue/state/expiry-look.ts';
import { drawQueue } from '../../../support/tables/queue-picture.ts';
import { rowsOf } from '../../../support/tables/text-table.ts';

const LOOKS = rowsOf<'meets' | 'ttl' | 'note' | 'look' | 'because'>(`
  meets       | ttl | note     | look     | because
  r           |     | returned | Infinity | it never expires
  r<90        |     | returned | 90       | it may be over already
  r=40<90     |     | returned | 130      | counted from when it was published
  r=40        | 60  | returned | 100      | by the queue's time to live
  r=40<30     | 60  | returned | 70       | the shorter of both
  . .         |     | head     | Infinity | the head never expires
  .<90 .      |     | head     | 90       | the head does
  A .<90      |     | head     | 90       | the head is what was never looked at
  . .<90      |     | head     | Infinity | what is behind it is found later
  .           | 60  | head     | Infinity | a queue's own time is known from its arrival
  A A         |     | head     | Infinity | there is no head
  - / .<90    |     | head     | 90       | it may be in another segment
`);

describe('the next look for expired messages', () => {
  it.each(LOOKS)(
    'at the $note of $meets (queue: $ttl) is at $look: $because',
    ({ meets, ttl, note, look }) => {
      const { machine, source } = drawQueue(meets, { message_ttl_ms: ttl === '' ? null : Number(ttl) });
      if (note === 'head') noteHead(machine, 0, source);
      else noteReturned(machine, source.extentAt(0, 0)!, 0, source);
      expect(machine.nextExpiryMs).toBe(Number(look));
    },
  );

  it('is at the earliest time of all', () => {
    const { machine } = drawQueue('');
    for (const expirationMs of [90, 50, null, 70]) noteExpiry(machine, { timestampMs: 0, expirationMs });
    expect(machine.nextExpiryMs).toBe(50);
  });
});
