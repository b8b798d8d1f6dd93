/** `once`: runs a handler once for each message id. */

import { checkRange } from '../client/options.ts';
import { invalidArgument, PosthornError } from '../errors.ts';

/**
 * `claimed`: it is ours until the lease ends. `done`: it was handled, with this result. `claimed elsewhere`: somebody
 * handles it now.
 */
export type Claim =
  | { outcome: 'claimed' }
  | { outcome: 'done'; result: string | null }
  | { outcome: 'claimed elsewhere'; untilMs: number };

/** A store of handled ids. The SDK has `sqliteStore`, `sqliteTransactionStore` and `durableObjectStore`. */
export interface IdempotencyStore {
  /** Claims an id for `leaseMs`, unless it is done, or another claim is still valid. */
  claim(id: string, token: string, leaseMs: number): Promise<Claim>;
  /** Notes for `keepMs` that the message is handled. False if this claim no longer holds the id. */
  complete(id: string, token: string, result: string | null, keepMs: number): Promise<boolean>;
  /** Gives the claim back. The next caller handles the message. */
  release(id: string, token: string): Promise<void>;
  /**
   * Optional. In one transaction, instead of the other calls: looks the id up, runs a synchronous handler, and notes
   * that the message is handled. It needs no claim, so no lease has to end before another caller may handle the
   * message.
   */
  transact?<Result>(id: string, handler: () => Result, keepMs: number): Promise<OnceResult<Result>>;
}

export interface OnceOptions {
  /**
   * How long a run may take, in ms, 1 to 86,400,000. Default 60,000. When it is over, another one may begin: of a run that
   * has crashed, but also of one that is only slow.
   */
  leaseMs?: number;
  /** How long an id is remembered, in ms, 1 to 366 days. Default 7 days. An id that comes later is handled again. */
  keepMs?: number;
}

export interface OnceResult<Result> {
  /** False if the message was handled before. Then the result is that of the earlier run. */
  isFirst: boolean;
  result: Result;
}

const DAY_MS = 86_400_000;

/**
 * Runs a handler once for each message id. It claims the id, runs the handler, and stores what the handler returned (as
 * JSON). A later call with the same id gets that result, and the handler does not run.
 *
 * With a `sqliteTransactionStore` the handler and the note are one transaction without a claim. The rest of this text
 * is about the other stores.
 *
 * It guarantees that a handler whose end was noted never runs again while the id is kept, and that no two runs of an id
 * overlap unless one takes longer than its lease. It does not guarantee that a run that crashes before its end is noted
 * has had no effect: the next run begins from the start. Put effects that must not happen twice into one transaction
 * with the note, or send the id to a receiver that can recognise it.
 *
 * @throws what the handler throws, after giving the id back; PosthornError `message_in_progress` (retryable) while
 *   another run holds the id: let the queue deliver the message again; `lease_lost` if the run took longer than its
 *   lease and another run has begun
 * @example
 * const store = sqliteStore(new DatabaseSync('handled.db'));
 * posthorn.consumer('payments', async (message) => {
 *   await once(store, message.properties.messageId, () => charge(message.json()));
 * });
 */
export async function once<Result>(
  store: IdempotencyStore,
  messageId: string | undefined,
  handler: () => Promise<Result> | Result,
  { leaseMs = 60_000, keepMs = 7 * DAY_MS }: OnceOptions = {},
): Promise<OnceResult<Result>> {
  if (typeof messageId !== 'string' || messageId === '') {
    throw invalidArgument('once needs a message id: publish with one, or make one of what the message says');
  }
  checkRange('leaseMs', leaseMs, 1, DAY_MS);
  checkRange('keepMs', keepMs, 1, 366 * DAY_MS);
  if (store.transact) {
    return store.transact(messageId, handler, keepMs) as Promise<OnceResult<Result>>;
  }
  const token = crypto.randomUUID();
  const claim = await store.claim(messageId, token, leaseMs);
  const known = knownOf<Result>(messageId, claim);
  if (known) return known;
  let result: Result;
  let json: string | null;
  try {
    result = await handler();
    json = JSON.stringify(result) ?? null;
  } catch (error) {
    // If the claim cannot be given back, its lease ends by itself.
    await store.release(messageId, token).catch(() => {});
    throw error;
  }
  if (await store.complete(messageId, token, json, keepMs)) return { isFirst: true, result };
  throw new PosthornError(
    'lease_lost',
    `message "${messageId}" took longer than its lease of ${leaseMs} ms, and another run has begun`,
  );
}

/**
 * The result of a claim that needs no run; null if the handler has to run.
 *
 * @throws PosthornError `message_in_progress`
 */
export function knownOf<Result>(id: string, claim: Claim): OnceResult<Result> | null {
  if (claim.outcome === 'claimed') return null;
  if (claim.outcome === 'done') {
    const result = (claim.result === null ? undefined : JSON.parse(claim.result)) as Result;
    return { isFirst: false, result };
  }
  const until = new Date(claim.untilMs).toISOString();
  throw new PosthornError('message_in_progress', `message "${id}" is being handled until ${until}`, {
    retryable: true,
  });
}
