/**
 * Reads of a partition: answers a request with record batches, with a socket that brings them when they come, or with a failure.
 */

import type { ReadRequest } from '../../rpc/partition.ts';
import { isAskGroup } from '../../rpc/partition.ts';
import { isFailure } from '../../../protocol/errors.ts';
import type { Waiters } from '../../runtime/waiters.ts';
import type { GroupOffsets } from '../groups/group-offsets.ts';
import { batchesReply, isWaiting, offsetHeaders } from '../log/append-replies.ts';
import type { Cleanable } from '../log/clean-up.ts';
import { isAtEnd, resolveOffset } from './read-replies.ts';

interface Readable extends Cleanable {
  groups: GroupOffsets;
}

export interface ReadHost {
  readonly waiters: Waiters;
  groupsUsed(groups: GroupOffsets): void;
  /** A reader goes on at the offset. */
  readAhead(offset: number): void;
  /** A subscription has read to the end. */
  readToEnd(subscription: number): void;
}

/** @param isFromMemory the read had to wait for nothing: its reader is one that goes on */
export function serveRead(
  host: ReadHost,
  open: Readable,
  query: ReadRequest,
  request: Request,
  isFromMemory: boolean,
): Response {
  const { isolation } = query;
  const position = query.claim ? open.groups.position(query.claim, query.offset !== null) : null;
  if (isFailure(position) || isAskGroup(position)) return Response.json(position, { status: 422 });
  if (query.claim) host.groupsUsed(open.groups);
  if (position === 'pending') return answerPending(host, open, query, request);
  const offset = resolveOffset(open, query.offset ?? position ?? 'earliest', isolation);
  const result = open.produced.read(offset, query.bytesMax, query.recordsMax, isolation);
  if (isFailure(result)) return Response.json(result, { status: 422 });
  if (isFromMemory) host.readAhead(result.nextOffset);
  if (query.subscription !== undefined && result.nextOffset >= open.produced.lastStableOffset)
    host.readToEnd(query.subscription);
  const isProgress = query.waitsForProgress === true && result.nextOffset > offset;
  const hasNothing = result.chunks.length === 0 && isAtEnd(query, result.nextOffset, open);
  const hasNews = isProgress || open.log.offsets.highWatermark > (query.seenHighWatermark ?? Infinity);
  if (hasNothing && !hasNews && isWaiting(request)) return wait(host, open, result.nextOffset, query);
  return batchesReply(open, offset, result);
}

/** The answer while a transaction with the group's offset is open: nothing to read. */
function answerPending(host: ReadHost, open: Readable, query: ReadRequest, request: Request): Response {
  const offset = open.log.offsets.logStartOffset;
  if (!isWaiting(request)) return batchesReply(open, offset, { chunks: [], nextOffset: offset });
  return wait(host, open, offset, query, { pendingOf: query.claim!.group });
}

function wait(
  host: ReadHost,
  open: Readable,
  offset: number,
  query: ReadRequest,
  pending: { pendingOf?: string } = {},
): Response {
  const { bytesMax, recordsMax, isolation, waitsForProgress = false, seenHighWatermark } = query;
  const waiting = {
    offset,
    bytesMax,
    recordsMax,
    isolation,
    waitsForProgress,
    seenHighWatermark,
    ...pending,
  };
  return host.waiters.accept(waiting, offsetHeaders(open, offset, offset));
}
