/** Revocable identities: those whose rights can end while a call is under way, and how long such a call may wait. */

import { isRoot, type Identity } from '../../core/access/identity.ts';
import type { AppContext } from '../http/context.ts';

/** How long a call waits at most before its credential is checked again, which the next call does. */
const UNCHECKED_WAIT_MS_MAX = 60_000;

export function isRevocable(identity: Identity): boolean {
  return !isRoot(identity);
}

/** Returns how long a call may wait that asks to wait so long. */
export function checkedWaitMs(c: AppContext, waitMs: number): number {
  return isRevocable(c.get('identity')) ? Math.min(waitMs, UNCHECKED_WAIT_MS_MAX) : waitMs;
}
