/** The checker of the crash test notices each way in which a queue can break a promise. */

import { describe, expect, it } from 'vitest';
import { QueueLedger } from './queue-ledger.ts';

const NONE = new Set<string>();

function ledger(): QueueLedger {
  const made = new QueueLedger();
  for (const id of ['done', 'dead', 'unanswered', 'open']) made.sent(id);
  for (const id of ['done', 'dead']) {
    made.stored(id);
    made.delivered(id, 1);
  }
  made.settled('done', 'settled', 10);
  made.settled('dead', 'dead_lettered', 10);
  return made;
}

describe('QueueLedger', () => {
  it('accepts what was promised, and either fate of what was not answered', () => {
    expect(ledger().check(['dead'], NONE)).toEqual([]);
    const either = ledger();
    either.stored('open');
    either.settled('open', 'unknown', 20);
    either.delivered('open', 30);
    expect(either.check(['dead'], NONE)).toEqual([]);
    expect(either.check(['dead', 'open'], NONE)).toEqual([]);
  });

  it('accepts a delivery that was asked for before the settlement was answered', () => {
    const late = ledger();
    late.delivered('done', 9);
    expect(late.check(['dead'], NONE)).toEqual([]);
  });

  it.each<[string, (ledger: QueueLedger) => void, string[], string]>([
    ['a loss', (made) => made.stored('open'), ['dead'], 'open was confirmed and is lost'],
    [
      'a message that missed the topic',
      (made) => made.stored('done', true),
      ['dead'],
      'done was confirmed and is not in the topic',
    ],
    ['a lost dead letter', () => {}, [], 'dead was dead-lettered and is not in the dead-letter queue'],
    ['a doubled dead letter', () => {}, ['dead', 'dead'], 'dead is in the dead-letter queue twice'],
    [
      'a delivery after the end',
      (made) => made.delivered('done', 11),
      ['dead'],
      'done was delivered after it was settled',
    ],
    [
      'a delivery after death',
      (made) => made.delivered('dead', 11),
      ['dead'],
      'dead was delivered after it was dead_lettered',
    ],
    [
      'two ends of one message',
      (made) => made.settled('done', 'dead_lettered', 12),
      ['dead'],
      'done was settled, and then dead_lettered',
    ],
    [
      'a settled message among the dead',
      () => {},
      ['dead', 'done'],
      'done was settled and is in the dead-letter queue',
    ],
    [
      'a message that was stored twice',
      (made) => {
        made.delivered('dead', 1, '7-0-3');
        made.delivered('dead', 1, '7-0-3');
        made.delivered('dead', 1);
        made.delivered('dead', 1, '7-0-9');
      },
      ['dead'],
      'dead is at 7-0-3 and at 7-0-9',
    ],
    ['a stranger', (made) => made.delivered('z', 1), ['dead'], 'z was delivered and never sent'],
    ['a strange dead letter', () => {}, ['dead', 'z'], 'z is in the dead-letter queue and was never sent'],
  ])('notices %s', (_, happens, dead, broken) => {
    const made = ledger();
    happens(made);
    expect(made.check(dead, NONE)).toContain(broken);
  });
});
