/** Exit codes: what the command tells scripts. docs/command-line.md lists them, and a test compares. */

import type { PosthornError } from '../errors.ts';

export const EXIT_CODES = {
  done: { code: 0, meaning: 'it is done' },
  failed: { code: 1, meaning: 'the broker refused, or something else went wrong' },
  usage: { code: 2, meaning: 'the command line is wrong: a word, a flag, a value, a profile' },
  unreachable: { code: 3, meaning: 'no broker answers at the address, or not in time' },
  denied: { code: 4, meaning: 'the token is missing, not valid, or does not allow this' },
  'not found': { code: 5, meaning: 'what the command names does not exist' },
  partly: { code: 6, meaning: 'a part is done, and the message says which' },
  interrupted: { code: 130, meaning: 'Ctrl-C, or SIGTERM, ended it before it was done' },
} as const;

export type Outcome = keyof typeof EXIT_CODES;

export function outcomeOf({ code, status, retryable }: PosthornError): Outcome {
  if (code === 'invalid_argument') return 'usage';
  if (code === 'aborted') return 'interrupted';
  if (code === 'connection_failed' || code === 'timeout') return 'unreachable';
  if (code === 'unexpected_reply') return retryable || status === undefined ? 'unreachable' : 'failed';
  if (status === 401 || status === 403) return 'denied';
  return status === 404 ? 'not found' : 'failed';
}
