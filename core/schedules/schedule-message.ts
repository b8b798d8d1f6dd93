/**
 * The message of a schedule as definitions hold it. They are JSON themselves and go between objects as values, so a body that
 * would come back with another text is kept as text.
 */

import { JsonText } from '../../protocol/json/json-text.ts';
import { failure, type Failure } from '../../protocol/errors.ts';
import { SCHEDULE_MESSAGE_LENGTH_MAX, type ScheduleMessage } from '../../protocol/schemas/schedules.ts';

export interface StoredScheduleMessage extends ScheduleMessage {
  /** The JSON of the body, which is null then. Absent: `body` is the body. */
  body_text?: string;
}

/** @param message as the request has it: its body is `JsonText` */
export function storedMessage(message: ScheduleMessage): StoredScheduleMessage {
  const { body } = message;
  if (!(body instanceof JsonText)) return message;
  const { plain } = body;
  return plain ? { ...message, body: plain.value } : { ...message, body: null, body_text: body.text };
}

/** The message with its body as it was sent, for a record or a reply. */
export function sentMessage({ body_text: text, ...message }: StoredScheduleMessage): ScheduleMessage {
  return text === undefined ? message : { ...message, body: JsonText.ofText(text) };
}

/** Checked before the message goes to another object, too: a call carries no more than 32 MiB. */
export function checkLength(message: StoredScheduleMessage): Failure | null {
  const { length } = JSON.stringify(message);
  if (length <= SCHEDULE_MESSAGE_LENGTH_MAX) return null;
  return failure(
    'record_too_large',
    `the message has ${length} characters of JSON; a schedule's may have ${SCHEDULE_MESSAGE_LENGTH_MAX}`,
  );
}
