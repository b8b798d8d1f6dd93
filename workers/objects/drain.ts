/** Drain: reads what is left of a refused body, because a client that is still sending may not see an answer that comes before. */

import { OBJECT_PART_BYTES } from '../../protocol/limits.ts';

/** Of a larger body the connection is cut instead: to take it costs more than the clear answer is worth. */
const DRAINED_BYTES_MAX = 2 * OBJECT_PART_BYTES;

/** @param bytes what the request says that it has @returns what was refused, when the client can see it */
export async function drained<Refused>(
  request: Request,
  refused: Refused,
  bytes: number | undefined,
): Promise<Refused> {
  if (bytes === undefined || bytes > DRAINED_BYTES_MAX || request.bodyUsed || request.body === null)
    return refused;
  try {
    for await (const _ of request.body);
  } catch {
    // The client has gone.
  }
  return refused;
}
