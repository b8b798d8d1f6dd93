/** Cost of a run at the platform's list price, without the amounts that a plan includes. */

/** Dollars. Rows, requests and CPU: per million; duration: per million GB-seconds of 128 MB objects. */
const PRICE = { rowWritten: 1.0, rowRead: 0.001, objectRequest: 0.15, workerRequest: 0.3, gbSecond: 12.5 };
const OBJECT_GB = 0.128;

export interface Usage {
  rowsWritten?: number;
  rowsRead?: number;
  /** Each is one of the worker and one of an object. */
  requests: number;
  /** How long the object was busy. */
  seconds: number;
}

/** Dollars for a million records. */
export interface Cost {
  rows: number;
  requests: number;
  duration: number;
  total: number;
}

export function costOf(usage: Usage, records: number): Cost {
  const perMillion = (count: number, price: number): number => (count * price) / records;
  const rows =
    perMillion(usage.rowsWritten ?? 0, PRICE.rowWritten) + perMillion(usage.rowsRead ?? 0, PRICE.rowRead);
  const requests = perMillion(usage.requests, PRICE.objectRequest + PRICE.workerRequest);
  const duration = perMillion(usage.seconds * OBJECT_GB, PRICE.gbSecond);
  return { rows, requests, duration, total: rows + requests + duration };
}
