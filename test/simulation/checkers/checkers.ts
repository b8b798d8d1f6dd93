/** Every checker. A new promise adds its own here, in a file beside the others. */

import { abortedRead } from './aborted-read.ts';
import { atomicity } from './atomicity.ts';
import type { Checker } from './checker.ts';
import { conservation } from './conservation.ts';
import { deadLetterCycle } from './dead-letter-cycle.ts';
import { deadLetter } from './dead-letter.ts';
import { denseOffsets } from './dense-offsets.ts';
import { duplicate } from './duplicate.ts';
import { idempotence } from './idempotence.ts';
import { groupOffsets } from './group-offsets.ts';
import { groupOwners } from './group-owners.ts';
import { fencedCommit } from './fenced-commit.ts';
import { groupReads } from './group-reads.ts';
import { inconsistentOffsets } from './inconsistent-offsets.ts';
import { keyOrder } from './key-order.ts';
import { lease } from './lease.ts';
import { liveness } from './liveness.ts';
import { logOrder } from './log-order.ts';
import { lostMessage } from './lost-message.ts';
import { lostWrite } from './lost-write.ts';
import { monotonicPoll } from './monotonic-poll.ts';
import { phantom } from './phantom.ts';
import { queueIdempotence } from './queue-idempotence.ts';
import { settled } from './settled.ts';
import { stableOffset } from './stable-offset.ts';

export const CHECKERS: readonly Checker[] = [
  denseOffsets,
  inconsistentOffsets,
  lostWrite,
  duplicate,
  monotonicPoll,
  phantom,
  logOrder,
  lease,
  settled,
  conservation,
  lostMessage,
  deadLetter,
  keyOrder,
  liveness,
  idempotence,
  queueIdempotence,
  abortedRead,
  atomicity,
  stableOffset,
  groupOwners,
  fencedCommit,
  groupOffsets,
  groupReads,
  deadLetterCycle,
];
