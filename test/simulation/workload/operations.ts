/** Every operation. A new feature adds its own here, in a file beside the others. */

import { publishThroughExchange } from './exchanges.ts';
import { worker } from './groups.ts';
import { deleteRecords, poll, produce, reread } from './logs.ts';
import type { Operation } from './operation.ts';
import { change, look, pause, publish, purge, settle, take } from './queues.ts';
import { produceOnce } from './producers.ts';
import { publishOnce } from './queue-producers.ts';
import { stream } from './stream.ts';
import { readCommitted, transact } from './transactions.ts';

export const OPERATIONS: readonly Operation[] = [
  produce,
  poll,
  reread,
  deleteRecords,
  publish,
  publishThroughExchange,
  take,
  settle,
  stream,
  look,
  purge,
  pause,
  change,
  produceOnce,
  publishOnce,
  transact,
  readCommitted,
  worker,
];
