/** Watched identity: looks now and then whether the credential of an open stream is still good. */

import { errorTable, isFailure } from '../../protocol/errors.ts';
import type { AppContext } from '../http/context.ts';
import { identify } from './authenticate.ts';
import { enterNamespace } from './quotas/spenders.ts';

/** Between two looks at the credential of an open stream. */
const LOOK_MS = 15_000;

/**
 * @param ended called with the reason when the token was revoked or has expired
 * @returns what ends the watch
 */
export function watchIdentity(c: AppContext, ended: (reason: string) => void): () => void {
  let isOver = false;
  const look = async (): Promise<void> => {
    const identity = await identify(c, Date.now()).catch(() => null); // the directory does not answer: see the next time
    if (isOver) return;
    // What may be different later, such as an issuer that does not answer, is no reason either.
    if (identity !== null && isFailure(identity) && !errorTable[identity.code].retryable)
      return ended(identity.message);
    await enterNamespace(c).catch(() => null); // its quotas may have changed
    if (!isOver) timer = setTimeout(() => void look(), LOOK_MS);
  };
  let timer = setTimeout(() => void look(), LOOK_MS);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
