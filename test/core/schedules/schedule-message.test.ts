import { describe, expect, it } from 'vitest';
import { checkLength, sentMessage, storedMessage } from '../../../core/schedules/schedule-message.ts';
import { JsonText } from '../../../protocol/json/json-text.ts';
import { SCHEDULE_MESSAGE_LENGTH_MAX, type ScheduleMessage } from '../../../protocol/schemas/schedules.ts';

const message = (text: string): ScheduleMessage =>
  ({ body: JsonText.ofText(text) }) as unknown as ScheduleMessage;

describe('the message of a schedule', () => {
  it.each<[string, object, string]>([
    ['{"a":1}', { body: { a: 1 } }, 'is kept as a value'],
    ['null', { body: null }, 'also null'],
    ['1.0', { body: null, body_text: '1.0' }, 'keeps the digits of a number'],
    ['12345678901234567890', { body: null, body_text: '12345678901234567890' }, 'all of them'],
    ['{"a": 1}', { body: null, body_text: '{"a": 1}' }, 'and its spaces'],
    ['{"2":1,"1":2}', { body: null, body_text: '{"2":1,"1":2}' }, 'and the order of members'],
  ])('%s is stored as %j: it %s', (text, stored) => {
    expect(storedMessage(message(text))).toEqual(stored);
    const { body } = sentMessage(storedMessage(message(text)));
    expect(body instanceof JsonText ? body.text : JSON.stringify(body)).toBe(text);
  });

  it('that was stored is stored as it is', () => {
    const stored = { body: { a: 1 } } as unknown as ScheduleMessage;
    expect(storedMessage(stored)).toBe(stored);
    expect(sentMessage(stored)).toEqual(stored);
  });
});

it('of a schedule has a limit of length, as JSON', () => {
  const ofLength = (length: number) => {
    const empty = JSON.stringify(storedMessage(message('""'))).length;
    return storedMessage(message(`"${'x'.repeat(length - empty)}"`));
  };
  expect(checkLength(ofLength(SCHEDULE_MESSAGE_LENGTH_MAX))).toBeNull();
  expect(checkLength(ofLength(SCHEDULE_MESSAGE_LENGTH_MAX + 1))).toMatchObject({ code: 'record_too_large' });
});
