/** List of all checkers. Add the checker of a new promise here, in a file beside the others. */

import { amqpLost, amqpOrder, amqpRedelivered, amqpSettled } from './amqp.ts';
import { abortedRead } from './aborted-read.ts';
import { appendTime } from './append-time.ts';
import { atMostOnce } from './at-most-once.ts';
import { atomicity } from './atomicity.ts';
import type { Checker } from './checker.ts';
import { bucket } from './bucket.ts';
import { compaction } from './compaction.ts';
import { conservation } from './conservation.ts';
import { deadLetterCycle } from './dead-letter-cycle.ts';
import { deadLetter } from './dead-letter.ts';
import { deletion } from './deletion.ts';
import { denseOffsets } from './dense-offsets.ts';
import { dueTimes } from './due-times.ts';
import { duplicate } from './duplicate.ts';
import { fetchFrom } from './fetch-from.ts';
import { exchangeIdempotence } from './exchange-idempotence.ts';
import { expiry } from './expiry.ts';
import { idempotence } from './idempotence.ts';
import { groupOffsets } from './group-offsets.ts';
import { groupOwners } from './group-owners.ts';
import { fencedCommit } from './fenced-commit.ts';
import { groupQuiet } from './group-quiet.ts';
import { groupReads } from './group-reads.ts';
import { inconsistentOffsets } from './inconsistent-offsets.ts';
import { keyOrder } from './key-order.ts';
import { lease } from './lease.ts';
import { lengthLimit } from './length-limit.ts';
import { liveness } from './liveness.ts';
import { logOrder } from './log-order.ts';
import { longPoll } from './long-poll.ts';
import { lostMessage } from './lost-message.ts';
import { lostWrite } from './lost-write.ts';
import { monotonicPoll } from './monotonic-poll.ts';
import { phantom } from './phantom.ts';
import { retention } from './retention.ts';
import { queueIdempotence } from './queue-idempotence.ts';
import { settled } from './settled.ts';
import { shareDone } from './share-done.ts';
import { shareLock } from './share-lock.ts';
import { shareLost } from './share-lost.ts';
import { stableOffset } from './stable-offset.ts';
import { topicRebirth } from './topic-rebirth.ts';
import { wholeBatch } from './whole-batch.ts';
import { earlyMessage } from './early-message.ts';
import { exactlyOnce } from './exactly-once.ts';
import { fencedProducer } from './fenced-producer.ts';
import { groupProgress } from './group-progress.ts';
import { informationFlow } from './information-flow.ts';
import { intermediateRead } from './intermediate-read.ts';
import { messageOnce } from './message-once.ts';
import { pendingOffsets } from './pending-offsets.ts';
import { pushAttempts } from './push-attempts.ts';
import { pushLost } from './push-lost.ts';
import { pushOnce } from './push-once.ts';
import { pushOrder } from './push-order.ts';
import { queueOrder } from './queue-order.ts';
import { replay } from './replay.ts';
import { routing } from './routing.ts';
import { schedule } from './schedule.ts';
import { singleConsumer } from './single-consumer.ts';
import { fairness } from './fairness.ts';
import { orderlyStop } from './orderly-stop.ts';
import { unserved } from './unserved.ts';
import { steering } from './steering.ts';
import { storedOnce } from './stored-once.ts';

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
  exchangeIdempotence,
  abortedRead,
  atomicity,
  stableOffset,
  groupOwners,
  fencedCommit,
  groupOffsets,
  groupReads,
  deadLetterCycle,
  shareLock,
  shareDone,
  shareLost,
  compaction,
  retention,
  bucket,
  fetchFrom,
  wholeBatch,
  appendTime,
  topicRebirth,
  groupQuiet,
  longPoll,
  atMostOnce,
  exactlyOnce,
  groupProgress,
  pendingOffsets,
  fencedProducer,
  earlyMessage,
  messageOnce,
  intermediateRead,
  informationFlow,
  replay,
  steering,
  routing,
  dueTimes,
  expiry,
  lengthLimit,
  singleConsumer,
  queueOrder,
  storedOnce,
  unserved,
  fairness,
  orderlyStop,
  deletion,
  schedule,
  pushLost,
  pushOrder,
  pushAttempts,
  pushOnce,
  amqpLost,
  amqpSettled,
  amqpRedelivered,
  amqpOrder,
];
