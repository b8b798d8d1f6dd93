/** Message ids: what they name, and which texts are none. */

import { describe, expect, it } from 'vitest';
import {
  compareParked,
  formatMessageId,
  isParkedPosition,
  parseMessageId,
  type MessagePosition,
} from '../../../../core/queue/messages/message-id.ts';

const QUEUE = 46;
const parked = (dueMs: number, seq: number, index = 0, isKeyed = false) => ({ isKeyed, dueMs, seq, index });

describe('an id', () => {
  it.each<[string, MessagePosition]>([
    ['1a-0-2f', { lane: 0, offset: 87 }],
    ['1a-1r-0', { lane: 63, offset: 0 }],
    ['1a-p-0-0-0', parked(0, 0)],
    ['1a-k-mc8k2x1c-dr0q3yk1dc-1f', parked(1_350_000_000_000, 1_795_376_874_184_000, 51, true)],
  ])('%s is written and read back', (_, position) => {
    const id = formatMessageId(QUEUE, position);
    expect(parseMessageId(QUEUE, id)).toEqual(position);
    expect(isParkedPosition(position)).toBe('seq' in position);
    expect(id).toMatch(/^[A-Za-z0-9._~-]{1,64}$/);
  });

  it('names the same as the id of a dead letter', () => {
    expect(formatMessageId(QUEUE, { lane: 0, offset: 87 })).toBe('1a-0-2f');
  });

  it.each([
    '',
    '1a',
    '1a-p',
    '1a-p-1-1',
    '1a-q-1-1-1',
    '1a-p-01-1-1',
    '1a-p-1-1-1-1',
    '1A-p-1-1-1',
    '1a-p--1-1',
    '1a-p-zzzzzzzzzzz-1-1',
    '1a-p-1-zzzzzzzzzzz-1',
    '1a-1s-0',
    '1b-p-1-1-1',
    '1b-0-1',
  ])('"%s" is none of the queue', (text) => {
    expect(parseMessageId(QUEUE, text)).toBeNull();
  });
});

it('messages that wait are in the order of their time, then without keys first, then as they came', () => {
  const order = [
    parked(1, 9, 9, true),
    parked(2, 1, 0),
    parked(2, 1, 1),
    parked(2, 2, 0),
    parked(2, 0, 0, true),
    parked(3, 0, 0),
  ];
  expect(order.toReversed().sort(compareParked)).toEqual(order);
  expect(compareParked(order[0]!, order[0]!)).toBe(0);
});
