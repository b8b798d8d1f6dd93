/** Running a handler once for each message id. */

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

/** Where it is kept which ids are handled. `sqliteStore` and `durableObjectStore` are two. */
export interface IdempotencyStore {
  /** Claims an id for `leaseMs`, unless it is done, or another claim is still valid. */
  claim(id: string, token: string, leaseMs: number): Promise<Claim>;
  /** Notes that it is done, for `keepMs`. False if the claim is not this one any more. */
  complete(id: string, token: string, result: string | null, keepMs: number): Promise<boolean>;
  /** Gives the claim back: the next one who asks handles it. */
  release(id: string, token: string): Promise<void>;
  /**
   * If the store can do it: looks, runs a synchronous handler and notes that it is done in one transaction, instead of
   * the other calls. The id is not claimed, and nothing has to end before somebody else may handle it.
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
  /** False: it had been handled before, and the result is that one's. */
  isFirst: boolean;
  result: Result;
}

const DAY_MS = 86_400_000;

/**
 * Runs a handler once for each message id: claims the id, runs, notes that it is done and what the handler returned (as
 * JSON). Who comes with an id that is done gets that result, and the handler does not run.
 *
 * With a `sqliteTransactionStore` the handler and the note are one transaction, and nothing else is claimed; what follows
 * is about the other stores.
 *
 * It guarantees that a handler whose end was noted never runs again while the id is kept, and that no two runs of an id
 * overlap unless one takes longer than its lease. It does not guarantee that a run that crashes before its end is noted has
 * had no effect: the next run begins from the start. Effects that must not happen twice go into one transaction with the
 * mark, or carry the id to whoever can know it again.
 *
 * @throws what the handler throws, after giving the id back; PosthornError `message_in_progress` (retryable) while another
 *   run holds the id: leave the message to be delivered again; `lease_lost` if the run took longer than its lease and
 *   another has begun
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
    // That it cannot be given back is no news: the lease ends by itself.
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
 * What a claim says without a run; null: it is to run.
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
