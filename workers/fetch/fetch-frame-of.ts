/** Fetch frames of responses: reads the answer of a partition from its body and headers. */

import type { FetchFrame } from '../../core/log/fetch-frame.ts';
import {
  HIGH_WATERMARK_HEADER,
  LAST_STABLE_OFFSET_HEADER,
  LOG_START_OFFSET_HEADER,
  NEXT_OFFSET_HEADER,
  START_OFFSET_HEADER,
} from '../../protocol/headers/media-types.ts';

export async function frameOfResponse(response: Response): Promise<FetchFrame> {
  return { ...emptyFrameOf(response.headers), batches: new Uint8Array(await response.arrayBuffer()) };
}

/** The offsets of an answer, also of one that says to wait. */
export function emptyFrameOf(headers: Headers): FetchFrame {
  const offset = (header: string): number => Number(headers.get(header));
  return {
    startOffset: offset(START_OFFSET_HEADER),
    nextOffset: offset(NEXT_OFFSET_HEADER),
    highWatermark: offset(HIGH_WATERMARK_HEADER),
    logStartOffset: offset(LOG_START_OFFSET_HEADER),
    lastStableOffset: offset(LAST_STABLE_OFFSET_HEADER),
    batches: new Uint8Array(),
  };
}
