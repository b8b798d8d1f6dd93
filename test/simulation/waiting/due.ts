/** What an object has to come back to by itself, read from its rows and sockets between two events. */

import type { Sql, SqlRow, SqlValue } from '../../../durable-objects/storage/sql.ts';
import type { FaultRates } from '../faults.ts';
import type { ObjectHost } from '../platform/object-host.ts';
import type { Disk } from '../platform/storage.ts';

export interface Due {
  what: string;
  /** In ms, by the clock of the object; what is possible now: now. */
  atMs: number;
  /** How much later the object may come back to it, in ms. */
  withinMs: number;
}

export interface Look {
  host: ObjectHost;
  sql: Sql;
  nowMs: number;
  rates: FaultRates;
  /** Another object; null where there is none. */
  find: (className: string, name: string) => ObjectHost | null;
}

/** Reads only: what the simulated storage fails or counts it does not touch. */
export function readerOf(disk: Disk): Sql {
  const all = <Row extends SqlRow>(text: string, ...values: SqlValue[]): Row[] =>
    disk.execute(text, values).rows as Row[];
  return {
    run: () => {
      throw new Error('the invariant only reads');
    },
    all,
    each: <Row extends SqlRow>(text: string, ...values: SqlValue[]) => all<Row>(text, ...values).values(),
    transaction: (action) => action(),
    meter: { rowsWritten: 0, rowsRead: 0 },
  };
}
