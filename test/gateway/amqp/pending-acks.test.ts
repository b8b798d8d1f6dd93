/** Acknowledgements that go with the next wave of publishes to their queue. */

import { expect, it } from 'vitest';
import { PendingAcks } from '../../../gateway/amqp/pending-acks.ts';

it('asks the consumers of that queue, until they have ended', () => {
  const pending = new PendingAcks();
  const asked: string[] = [];
  const ends = (['a', 'b'] as const).map((name) => pending.add('default', 'q', () => void asked.push(name)));
  pending.add('default', 'other', () => void asked.push('other queue'));
  pending.add('elsewhere', 'q', () => void asked.push('other namespace'));
  pending.flush('default', 'q');
  expect(asked.splice(0)).toEqual(['a', 'b']);
  ends[0]!();
  ends[0]!();
  pending.flush('default', 'q');
  expect(asked.splice(0)).toEqual(['b']);
  ends[1]!();
  pending.flush('default', 'q');
  pending.add('default', 'q', () => void asked.push('new'));
  ends[1]!();
  pending.flush('default', 'q');
  expect(asked).toEqual(['new']);
});
