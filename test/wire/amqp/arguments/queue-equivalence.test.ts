/** Queues that are declared again: what has to be the same, and what is said if it is not. */

import { describe, expect, it } from 'vitest';
import {
  comparedArguments,
  inequivalence,
  readCompared,
  textOfCompared,
} from '../../../../wire/amqp/arguments/queue-equivalence.ts';
import { textField, type FieldTable } from '../../../../wire/amqp/codec/field-table.ts';

const FLAGS = { durable: true, autoDelete: false };
const WHERE = { queue: 'q', virtualHost: '/' };
const limit = (value: number): FieldTable[number] => ['x-max-length', { type: 'I', value }];

describe('compared arguments', () => {
  it('are the flags, and the arguments that mean something, in one order', () => {
    const table: FieldTable = [
      ['x-overflow', textField('drop-head')],
      ['comment', textField('mine')],
      limit(5),
      ['x-single-active-consumer', { type: 't', value: true }],
    ];
    expect(Object.entries(comparedArguments(FLAGS, table))).toEqual([
      ['durable', true],
      ['auto_delete', false],
      ['x-max-length', 5],
      ['x-overflow', 'drop-head'],
      ['x-single-active-consumer', true],
    ]);
    expect(comparedArguments(FLAGS, table.toReversed())).toEqual(comparedArguments(FLAGS, table));
  });

  it('take integers of all sizes for the same, and a classic queue for one without a type', () => {
    const long: FieldTable = [['x-max-length', { type: 'l', value: 5n }]];
    const typed: FieldTable = [limit(5), ['x-queue-type', textField('classic')]];
    for (const table of [long, typed])
      expect(comparedArguments(FLAGS, table)).toEqual(comparedArguments(FLAGS, [limit(5)]));
  });

  it('come back from their text; other texts are nobody’s', () => {
    const compared = comparedArguments(FLAGS, [limit(5)]);
    expect(readCompared(textOfCompared(compared))).toEqual(compared);
    for (const text of ['', 'mine', 'null', '5', '{}', '[]']) expect(readCompared(text)).toBeNull();
  });
});

it.each([
  [[limit(5)], [limit(5)], null],
  [[limit(5)], [limit(6)], "received '6' but current is '5'"],
  [[limit(5)], [], "received none but current is '5'"],
  [[], [limit(6)], "received '6' but current is none"],
] as const)('%j and then %j', (is, wanted, said) => {
  const [before, after] = [is, wanted].map((table) => comparedArguments(FLAGS, [...table]));
  const difference = inequivalence(WHERE, before!, after!);
  if (said === null) return expect(difference).toBeNull();
  const reason = `inequivalent arg 'x-max-length' for queue 'q' in vhost '/': ${said}`;
  return expect(difference).toEqual({ reply: 'precondition-failed', reason });
});
