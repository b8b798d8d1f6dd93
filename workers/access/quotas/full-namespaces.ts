/**
 * Full namespaces: those whose quota of stored bytes an object has just refused something for. Publishes to them are refused
 * before their body is read and without a call, until it may be different.
 */

import type { Failure } from '../../../protocol/errors.ts';

/** Room that comes back is noticed by the first publish after this. */
const BELIEVED_MS = 1_000;
const NAMESPACES_MAX = 10_000;

const full = new Map<string, { refusal: Failure; untilMs: number }>();

/** Notes what an object has answered to a publish. A namespace with room for less than that publish is not full. */
export function noteFull(namespace: string, answer: unknown, nowMs = Date.now()): void {
  if (!isFull(answer)) return;
  full.delete(namespace);
  if (full.size >= NAMESPACES_MAX) full.delete(full.keys().next().value!);
  full.set(namespace, { refusal: answer, untilMs: nowMs + BELIEVED_MS });
}

/**
 * Returns why a publish need not be tried; null if it may be.
 * @param limit the quota of the namespace, of which nothing is known if it is another one now
 */
export function refuseFull(namespace: string, limit: number | undefined, nowMs = Date.now()): Failure | null {
  const known = full.get(namespace);
  if (known === undefined) return null;
  const isSame = limit === known.refusal.details?.['limit'];
  if (isSame && nowMs < known.untilMs && nowMs >= known.untilMs - BELIEVED_MS) return known.refusal;
  full.delete(namespace);
  return null;
}

function isFull(answer: unknown): answer is Failure {
  if (typeof answer !== 'object' || answer === null || !('details' in answer)) return false;
  const { code, details } = answer as Failure;
  return code === 'quota' && details?.['quota'] === 'stored_bytes' && details['available'] === 0;
}
