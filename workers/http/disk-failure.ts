/**
 * Disk failures: recognises the errors of calls to objects when the disk is full. An object in memory reports it. An
 * object that cannot start only reports "internal error", which means the same shortly after another object has
 * reported it.
 */

import { failure, type Failure } from '../../protocol/errors.ts';

/** SQLite's texts and codes, as the runtime passes them on. */
const DISK_FULL =
  /SQLITE_FULL|SQLITE_IOERR|database or disk is full|disk I\/O error|no space left on device/i;

/** The whole message of an error whose text stays in the log of the runtime. */
const UNTOLD = /^internal error; reference = /;

/** How long an "internal error" counts as a full disk, in ms. */
const UNTOLD_MS = 10_000;

/** Space on a disk does not come back within a second. */
const RETRY_AFTER_S = 5;

let lastSeenMs = -Infinity;

/** @returns null for an error that says something else */
export function diskFailureOf(error: unknown): Failure | null {
  const message = error instanceof Error ? error.message : String(error);
  const nowMs = Date.now();
  if (DISK_FULL.test(message)) lastSeenMs = nowMs;
  else if (!UNTOLD.test(message) || nowMs > lastSeenMs + UNTOLD_MS) return null;
  return failure('disk_full', 'the disk of the broker is full; send the request again later', {
    retry_after_s: RETRY_AFTER_S,
  });
}
