/** Record rows: records that wait to leave an object, packed into rows of one batch each. */

import { encodeBatch, groupRecords, type LogRecord } from '../../protocol/record-batch/index.ts';

/** Of one row. A record that is larger has a row of its own. */
const ROW_LIMITS = { recordsMax: 500, bytesMax: 512 * 1024 };

export interface RecordRow {
  count: number;
  data: Uint8Array;
}

/** Packs the records, one row after another: never all of them are in memory. */
export function* packRows(records: Iterable<LogRecord>): IterableIterator<RecordRow> {
  for (const group of groupRecords(records, ROW_LIMITS))
    yield { count: group.length, data: encodeBatch(group) };
}
