/** Dead letters in a drawn queue: what each place of a picture holds. */

import { deathRecord } from '../../../core/queue/dead-letters/dead-letter-record.ts';
import type { LetterSource } from '../../../core/queue/dead-letters/letter-scan.ts';
import { BROKER_HOPS_MAX } from '../../../protocol/limits.ts';
import type { LogRecord } from '../../../protocol/record-batch/index.ts';
import { DEATH_HEADER, HOPS_HEADER, textHeader } from '../../../protocol/schemas/messages.ts';
import { drawQueue, placeText } from './queue-picture.ts';

/** A message that died in a queue; one at the hop limit; one that is no dead letter; one whose origin is unknown. */
export type LetterKind = 'from a' | 'from b' | 'tired' | 'plain' | 'orphan';

export const QUEUE_ID = 7;

const encoder = new TextEncoder();

/** @param kinds by place, as `placeText` writes it; others are "from a" */
export function drawLetters(
  picture: string,
  kinds: Readonly<Record<string, LetterKind>> = {},
  valueBytes = 10,
): LetterSource {
  const { machine, source } = drawQueue(picture);
  const recordAt: LetterSource['recordAt'] = ({ lane }, offset) =>
    letter(kinds[placeText(lane, offset)] ?? 'from a', offset, valueBytes);
  return { queueId: QUEUE_ID, state: machine, source, recordAt };
}

export function letter(kind: LetterKind, offset = 0, valueBytes = 10): LogRecord {
  const record: LogRecord = {
    offset,
    timestamp: 1,
    key: null,
    value: new Uint8Array(valueBytes),
    headers: [],
  };
  switch (kind) {
    case 'plain':
      return record;
    case 'from a':
      return deathRecord(record, 'rejected', 'a', 2);
    case 'from b':
      return deathRecord(record, 'expired', 'b', 2);
    case 'tired': {
      const headers = [textHeader(HOPS_HEADER, String(BROKER_HOPS_MAX - 1))];
      return deathRecord({ ...record, headers }, 'rejected', 'a', 2);
    }
    case 'orphan':
      return { ...record, headers: [{ key: DEATH_HEADER, value: encoder.encode('{}') }] };
  }
}
