/** Worker reply: which messages of a batch a Worker accepts, by what its handler returned. */

import { TIME_SPAN_MS_MAX } from '../../protocol/limits.ts';

/** A message that is to be tried again, by its index in the batch. `delayMs` null: by the retry schedule. */
export interface RetriedMessage {
  readonly index: number;
  readonly delayMs: number | null;
}

export interface WorkerReply {
  /** In order of their indexes, each once. The others are accepted. */
  readonly retried: readonly RetriedMessage[];
  /** What the handler has thrown; null: it returned. */
  readonly thrown: { readonly message: string; readonly stack: string } | null;
}

const ALL_ACCEPTED: WorkerReply = { retried: [], thrown: null };

/**
 * @param value anything that a Worker may return. Values without `retry` say nothing: handlers return what their last call returned
 * @param count messages of the batch
 * @returns what is wrong with it, in words, if it cannot be understood
 */
export function readWorkerReply(value: unknown, count: number): WorkerReply | string {
  if (!isObject(value) || value['retry'] === undefined) return ALL_ACCEPTED;
  const { retry, error } = value;
  if (!Array.isArray(retry) || retry.length > count)
    return `expected at most ${count} messages in \`retry\` of the reply`;
  const retried = new Map<number, RetriedMessage>();
  for (const one of retry as unknown[]) {
    const { index, delay_ms: delay } = isObject(one) ? one : {};
    if (!Number.isInteger(index) || (index as number) < 0 || (index as number) >= count)
      return `expected an \`index\` from 0 to ${count - 1} in each entry of \`retry\``;
    if (delay !== undefined && !(typeof delay === 'number' && delay >= 0))
      return 'expected `delay_ms` to be a number of at least 0';
    const delayMs = delay === undefined ? null : Math.min(Math.round(delay), TIME_SPAN_MS_MAX);
    retried.set(index as number, { index: index as number, delayMs });
  }
  return { retried: [...retried.values()].sort((a, b) => a.index - b.index), thrown: thrownOf(error) };
}

function thrownOf(error: unknown): WorkerReply['thrown'] {
  if (!isObject(error)) return null;
  return { message: textOf(error['message']), stack: textOf(error['stack']) };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
